internal import CoppiceFormat
internal import CoppicePlatform

/// Decides how one page is stored: as a hole, as the page it replaces, as a difference to that
/// page, as an equal page found by hash, or in full.
///
/// One instance serves one leaf job on one thread.
///
/// The rule for differences, from measurements on PostgreSQL pages: the base is the previous
/// version if that is stored in full, else that version's base, so chains never grow.
/// - gate: the page resembles its base, in place or moved. Nearly all changed data pages do,
///   recycled log segments do not. After 8 pages in a row of which no difference was taken only
///   every 8th is looked at, also where differences were made and turned out too large.
/// - a difference of at most a quarter of the base's stored bytes is taken at once.
/// - otherwise the page is compressed in full, and the difference is taken only if it is small
///   against that and against the page.
struct PageSealer {
  /// What became of a page: a ref right away, or bytes in `output` that want a name.
  enum Outcome {
    case known(Ref)
    case pending(form: FrameForm, output: Range<Int>, base: FrameName)
  }

  private static let missCountMax = 8
  private static let retryInterval = 8

  let context: SealContext
  let set: CodecSet
  /// Stored bytes of pending pages, one behind the other.
  let output: AlignedBuffer
  private(set) var counts = SealCounts()
  /// Pages since the last one of which a difference was taken.
  private var missCount = 0

  init(context: SealContext, set: CodecSet, output: AlignedBuffer) {
    self.context = context
    self.set = set
    self.output = output
  }

  /// - Parameters:
  ///   - bytes: one page.
  ///   - hash: the hash of `bytes`.
  ///   - old: the ref that the page's slot held before; a hole if none.
  mutating func seal(_ bytes: UnsafeRawBufferPointer, hash: PageHash, old: Ref)
    throws(StoreError) -> Outcome
  {
    if old.hash == hash, try isEqual(bytes, to: old) {
      counts.unchangedCount += 1
      return .known(old)
    }
    let start = output.byteCount
    let delta = try makeDelta(bytes, old: old)
    if let delta, delta.byteCount <= delta.base.storedByteCount / 4 {
      return take(delta, from: start)
    }
    if let duplicate = context.equals.ref(of: bytes, hash: hash, set) {
      output.removeAll(from: start)
      counts.duplicateCount += 1
      counts.takenByteCount += duplicate.locator.storedByteCount
      return .known(duplicate)
    }
    let fullStart = output.byteCount
    output.extend(set.pages.outputByteCountMax)
    let full = set.pages.encodeFull(
      bytes,
      into: UnsafeMutableRawBufferPointer(rebasing: output.mutableContents[fullStart...]))
    if let delta, Self.isWorthwhile(delta.byteCount, full: full.byteCount, page: bytes.count) {
      output.removeAll(from: fullStart)
      return take(delta, from: start)
    }
    output.removeAll(from: fullStart + full.byteCount)
    counts.fullCount += 1
    counts.fullByteCount += full.byteCount
    return .pending(
      form: FrameForm(.page, full.encoding), output: fullStart..<output.byteCount, base: .none)
  }

  static func isWorthwhile(_ delta: Int, full: Int, page: Int) -> Bool {
    delta <= max(full / 4, page / 16) && delta <= full * 3 / 4
  }

  static func isZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var offset = 0
    while offset < bytes.count {
      let a = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      let b = bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)
      if a | b != 0 { return false }
      offset += 16
    }
    return true
  }

  private struct Delta {
    var base: Locator
    /// With the base's locator before the payload.
    var byteCount: Int
  }

  private mutating func take(_ delta: Delta, from start: Int) -> Outcome {
    missCount = 0
    counts.deltaCount += 1
    counts.deltaByteCount += delta.byteCount
    return .pending(
      form: FrameForm(.page, .zstdOnBase), output: start..<start + delta.byteCount,
      base: delta.base.name)
  }

  /// An old page that is damaged is no reason to fail: the page is stored in full, which heals.
  private func isEqual(_ bytes: UnsafeRawBufferPointer, to old: Ref) throws(StoreError) -> Bool {
    guard let page = try readable(context.frames.page(old, set)) else { return false }
    return page.contents.hasEqualBytes(as: bytes)
  }

  /// Leaves the difference at the end of `output`.
  private mutating func makeDelta(_ bytes: UnsafeRawBufferPointer, old: Ref) throws(StoreError)
    -> Delta?
  {
    guard !old.isHole else { return nil }
    missCount += 1
    guard missCount <= Self.missCountMax || missCount.isMultiple(of: Self.retryInterval),
      let (base, page) = try readable(base(of: old)),
      let resemblance = set.comparer.resemblance(of: bytes, to: page.contents)
    else { return nil }
    let start = output.byteCount
    output.extend(Locator.byteCount + bytes.count)
    let target = UnsafeMutableRawBufferPointer(rebasing: output.mutableContents[start...])
    base.encode(into: target)
    guard
      let count = set.pages.encodeDelta(
        bytes, base: page.contents, resemblance,
        into: UnsafeMutableRawBufferPointer(rebasing: target[Locator.byteCount...]))
    else {
      output.removeAll(from: start)
      return nil
    }
    output.removeAll(from: start + Locator.byteCount + count)
    return Delta(base: base, byteCount: Locator.byteCount + count)
  }

  /// The full page to build on; `nil` where it is not the one that was stored. What is decoded with
  /// a base proves the base, what is encoded on it does not: on one that was read wrong once, the
  /// new page could never be read.
  private func base(of old: Ref) throws(StoreError) -> (Locator, PageBuffer)? {
    guard old.locator.form.isDerived else {
      return (old.locator, try context.frames.page(old, set))
    }
    let base = try context.frames.base(of: old.locator, set)
    let page = try context.frames.basePage(base, set)
    return try context.frames.isProven(page, base.name, by: old, set) ? (base, page) : nil
  }
}
