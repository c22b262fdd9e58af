internal import CoppiceFormat
internal import CoppicePlatform

extension FrameReader {
  /// A page's bytes as stored, after they were decoded and held against the hash; they lie in the
  /// set's scratch memory until its next use. With it the full page that it builds on, whose hash
  /// is that of what was read.
  func storedPage(_ ref: Ref, _ set: CodecSet) throws(StoreError) -> (
    bytes: UnsafeRawBufferPointer, base: Ref?
  ) {
    var base: Ref?
    if ref.locator.form.isDerived {
      let locator = try self.base(of: ref.locator, set)
      guard !locator.form.isDerived else { throw derivedBase(ref.locator) }
      let page = try basePage(locator, set)
      base = Ref(hash: secret.pageHash(page.contents), locator: locator)
    }
    let page = try decodePage(ref.locator, set)
    guard secret.pageHash(page.contents) == ref.hash else { throw mismatch(ref.locator) }
    // Decoding reads the page's own bytes last.
    return (set.stored.contents, base)
  }

  /// The bytes as stored of a full page that another builds on, after they were read anew and
  /// decoded: what a cache has of it may be more than the device still has.
  func storedBase(_ base: Ref, _ set: CodecSet) throws(StoreError) -> UnsafeRawBufferPointer {
    let page = try decodePage(base.locator, set)
    guard secret.pageHash(page.contents) == base.hash else { throw mismatch(base.locator) }
    return set.stored.contents
  }
}
