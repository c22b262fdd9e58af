internal import CoppiceFormat
internal import CoppicePlatform

/// Finds pages that are stored already by their content. Thread-safe.
protocol EqualPages: Sendable {
  /// A page stored in full that has these bytes; `nil` where none is known.
  ///
  /// - Parameter hash: the hash of `bytes`.
  func ref(of bytes: UnsafeRawBufferPointer, hash: PageHash, _ set: CodecSet) -> Ref?
  /// Notes a page that was stored in full.
  func note(_ ref: Ref)
}

/// The pages of one trust domain of a store: a page found by hash shares only after its bytes were
/// compared.
struct StoredPages: EqualPages {
  let frames: FrameReader
  let window: DedupWindow
  /// Finds where a frame lies, if it can be read from disk right now.
  let place: @Sendable (FrameName) -> SegmentDirectory.Place?
  /// Asked before a frame that was found by hash is shared; false when a collection is about to
  /// remove it.
  let admitHit: @Sendable (FrameName) -> Bool
  /// Whether a frame's domain is the one that is being sealed.
  let isShareable: @Sendable (SegmentID) -> Bool

  func ref(of bytes: UnsafeRawBufferPointer, hash: PageHash, _ set: CodecSet) -> Ref? {
    for name in window.candidates(hash) where isShareable(name.segment) {
      guard let place = place(name), place.hashPrefix == hash.low,
        place.form.kind == .page, !place.form.isDerived
      else { continue }
      let ref = Ref(
        hash: hash,
        locator: Locator(
          name: name, offset: place.offset, storedByteCount: place.storedByteCount,
          form: place.form))
      // A candidate is a hint: one that cannot be read, for whatever reason, is not used.
      if let page = try? frames.page(ref, set), page.contents.hasEqualBytes(as: bytes),
        admitHit(name)
      {
        return ref
      }
    }
    return nil
  }

  func note(_ ref: Ref) { window.insert(ref.hash, ref.locator.name) }
}
