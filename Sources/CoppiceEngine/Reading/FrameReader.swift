internal import CoppiceFormat
internal import CoppicePlatform

/// Turns refs into verified content: cache, else read, decode, verify and cache.
///
/// Thread-safe. What comes from the device is always checked against the hash in the ref.
final class FrameReader: Sendable {
  let pageByteCount: Int
  let secret: HashSecret
  let buffers: PageBufferPool
  let segmentStore: SegmentStore
  let retired: RetiredFrames
  let codecs: CodecPool
  let caches: FrameCaches
  private let appenders: AppenderSet?

  var pages: FrameCache<PageBuffer> { caches.pages }
  var nodes: FrameCache<Node> { caches.nodes }

  /// - Parameter appenders: those that fill the segments which are read, if any do: their frames
  ///   can be read from when they have names.
  init(
    pageByteCount: Int, secret: HashSecret, buffers: PageBufferPool,
    segmentStore: SegmentStore, retired: RetiredFrames, caches: FrameCaches,
    appenders: AppenderSet? = nil
  ) {
    self.pageByteCount = pageByteCount
    self.secret = secret
    self.buffers = buffers
    self.segmentStore = segmentStore
    self.retired = retired
    self.caches = caches
    self.appenders = appenders
    codecs = CodecPool(pageByteCount: pageByteCount)
  }

  // MARK: Pages

  /// The page that `ref` names; not a hole.
  func page(_ ref: Ref) throws(StoreError) -> PageBuffer {
    if let cached = pages.value(ref.locator.name, hash: ref.hash) { return cached }
    return try codecs.withSet { set throws(StoreError) in try loadPage(ref, set) }
  }

  /// As `page`, for callers that hold a codec set already.
  func page(_ ref: Ref, _ set: CodecSet) throws(StoreError) -> PageBuffer {
    if let cached = pages.value(ref.locator.name, hash: ref.hash) { return cached }
    return try loadPage(ref, set)
  }

  private func loadPage(_ ref: Ref, _ set: CodecSet) throws(StoreError) -> PageBuffer {
    let buffer = try decodePage(ref.locator, set)
    guard secret.pageHash(buffer.contents) == ref.hash else { throw mismatch(ref.locator) }
    pages.insert(buffer, name: ref.locator.name, hash: ref.hash)
    return buffer
  }

  /// The full page that derived pages build on. Its content is not checked against a ref; what is
  /// decoded with it is.
  func basePage(_ locator: Locator, _ set: CodecSet) throws(StoreError) -> PageBuffer {
    if let cached = pages.value(locator.name) { return cached }
    let buffer = try decodePage(locator, set)
    pages.insert(
      buffer, name: locator.name, hash: secret.pageHash(buffer.contents), isProven: false)
    return buffer
  }

  /// Whether `base` is what was stored under that name, as far as the derived page `ref` copies
  /// from it: that page is decoded and held against its hash, unless the base was proven before.
  func isProven(_ base: PageBuffer, _ name: FrameName, by ref: Ref, _ set: CodecSet)
    throws(StoreError) -> Bool
  {
    if pages.isProven(base, name) { return true }
    let page = try decodePage(ref.locator, set)
    guard secret.pageHash(page.contents) == ref.hash else { return false }
    pages.noteProof(of: base, name)
    // Not if the cache let go of it meanwhile: the proof was another object's then.
    return pages.isProven(base, name)
  }

  /// The base of a derived page.
  func base(of locator: Locator, _ set: CodecSet) throws(StoreError) -> Locator {
    let stored = try storedBytes(locator, set)
    return try baseLocator(stored, locator)
  }

  /// The page without a look at the caches or at its hash; its base may come from a cache.
  ///
  /// - Parameter segment: where the page lies, at the locator's offset; `nil`: where its name
  ///   leads.
  func decodePage(_ locator: Locator, _ set: CodecSet, in segment: SegmentHandle? = nil)
    throws(StoreError) -> PageBuffer
  {
    guard locator.form.kind == .page, let encoding = locator.form.encoding else {
      throw damaged(locator, "its ref does not name a page")
    }
    let stored = try storedBytes(locator, set, in: segment)
    let buffer = buffers.acquire()
    var payload = stored
    var base: PageBuffer?
    if encoding == .zstdOnBase {
      let baseLocator = try baseLocator(stored, locator)
      guard !baseLocator.form.isDerived else { throw derivedBase(locator) }
      base = try basePage(baseLocator, set)
      // Reading the base has used the scratch memory.
      payload = UnsafeRawBufferPointer(
        rebasing: try storedBytes(locator, set, in: segment)[Locator.byteCount...])
    }
    do throws(FormatError) {
      try set.pages.decode(
        payload, encoding: encoding, base: base?.contents, into: buffer.mutableContents)
    } catch {
      throw undecodable(error, locator)
    }
    return buffer
  }

  // MARK: Nodes

  /// The node that `ref` names; not a hole.
  func node(_ ref: Ref) throws(StoreError) -> Node {
    if let cached = nodes.value(ref.locator.name, hash: ref.hash) { return cached }
    return try codecs.withSet { set throws(StoreError) in try loadNode(ref, set) }
  }

  private func loadNode(_ ref: Ref, _ set: CodecSet) throws(StoreError) -> Node {
    let node = try decodeNode(ref.locator, set)
    guard node.header.id == ref.hash else { throw mismatch(ref.locator) }
    nodes.insert(node, name: ref.locator.name, hash: ref.hash)
    return node
  }

  /// The full node that nodes with overrides build on.
  func baseNode(_ locator: Locator) throws(StoreError) -> Node {
    try codecs.withSet { set throws(StoreError) in try baseNode(locator, set) }
  }

  private func baseNode(_ locator: Locator, _ set: CodecSet) throws(StoreError) -> Node {
    if let cached = nodes.value(locator.name) { return cached }
    let node = try decodeNode(locator, set)
    nodes.insert(node, name: locator.name, hash: node.header.id)
    return node
  }

  /// As `decodePage`.
  func decodeNode(_ locator: Locator, _ set: CodecSet, in segment: SegmentHandle? = nil)
    throws(StoreError) -> Node
  {
    var stored = try storedBytes(locator, set, in: segment)
    var base: Node?
    if locator.form.encoding == .overridesOnBase {
      let baseLocator = try baseLocator(stored, locator)
      guard !baseLocator.form.isDerived else { throw derivedBase(locator) }
      base = try baseNode(baseLocator, set)
      // Reading the base has used the scratch memory.
      stored = try storedBytes(locator, set, in: segment)
    }
    let refs = Node.allocateRefs()
    do throws(FormatError) {
      let header =
        if let base {
          try set.nodes.decodeOverrides(stored, baseRefs: base.refs, into: refs)
        } else {
          try set.nodes.decodeFull(stored, into: refs)
        }
      return Node(header: header, refs: refs, locator: locator, base: base?.locator)
    } catch {
      refs.deallocate()
      throw undecodable(error, locator)
    }
  }

  // MARK: Stored bytes

  /// The frame's bytes as stored, in the set's scratch memory until its next use.
  ///
  /// - Parameter segment: as for `decodePage`. A frame that nothing refers to may have a name that
  ///   leads nowhere any more.
  func storedBytes(_ locator: Locator, _ set: CodecSet, in segment: SegmentHandle? = nil)
    throws(StoreError) -> UnsafeRawBufferPointer
  {
    if let segment { return try read(locator, at: UInt64(locator.offset), of: segment, set) }
    while true {
      let generation = retired.generation
      do throws(StoreError) { return try storedBytesNow(locator, set) } catch {
        // A collection may have moved the frame between looking up its place and opening the file.
        guard retired.generation != generation else { throw error }
      }
    }
  }

  private func storedBytesNow(_ locator: Locator, _ set: CodecSet) throws(StoreError)
    -> UnsafeRawBufferPointer
  {
    var id = locator.name.segment
    var offset = UInt64(locator.offset)
    if let found = try retired.find(locator.name) {
      id = found.segment
      offset = UInt64(found.place.offset)
    }
    let segment: SegmentHandle
    do throws(SegmentError) { segment = try segmentStore.open(id) } catch {
      if case .missing = error { throw damaged(locator, "its segment is missing") }
      throw StoreError(error, while: "reading \(describe(locator))")
    }
    return try read(locator, at: offset, of: segment, set)
  }

  private func read(
    _ locator: Locator, at offset: UInt64, of segment: SegmentHandle, _ set: CodecSet
  ) throws(StoreError) -> UnsafeRawBufferPointer {
    set.stored.removeAll()
    set.stored.extend(locator.storedByteCount)
    let target = set.stored.mutableContents
    // Who lists an import's frames meets some that wait for their bundle to be full.
    if try fill(target, locator, at: offset, of: segment) { return set.stored.contents }
    try appenders?.writeBundle(of: segment.id)
    if try fill(target, locator, at: offset, of: segment) { return set.stored.contents }
    throw damaged(locator, "the segment ends before the frame does")
  }

  /// Whether the segment has all of the frame's bytes.
  private func fill(
    _ target: UnsafeMutableRawBufferPointer, _ locator: Locator, at offset: UInt64,
    of segment: SegmentHandle
  ) throws(StoreError) -> Bool {
    do throws(SegmentError) {
      return try segment.read(into: target, at: offset, .wait) == target.count
    } catch {
      throw StoreError(error, while: "reading \(describe(locator))")
    }
  }

  func baseLocator(_ stored: UnsafeRawBufferPointer, _ locator: Locator)
    throws(StoreError) -> Locator
  {
    do throws(FormatError) {
      guard stored.count >= Locator.byteCount else {
        throw FormatError.truncated(
          what: "derived frame", needed: Locator.byteCount, available: stored.count)
      }
      return try Locator(
        decoding: UnsafeRawBufferPointer(rebasing: stored[0..<Locator.byteCount]))
    } catch {
      throw undecodable(error, locator)
    }
  }

  func describe(_ locator: Locator) -> String {
    "frame \(locator.name)"
  }

  private func damaged(_ locator: Locator, _ text: String) -> StoreError {
    StoreError(.corrupt, text, object: describe(locator), remedy: .damagedContent)
  }

  func undecodable(_ error: FormatError, _ locator: Locator) -> StoreError {
    var failure = StoreError(error, in: describe(locator))
    if failure.kind == .corrupt { failure.remedy = .damagedContent }
    return failure
  }

  func derivedBase(_ locator: Locator) -> StoreError {
    damaged(locator, "its base is derived too")
  }

  func mismatch(_ locator: Locator) -> StoreError {
    damaged(locator, "its content does not have the hash it was stored under")
  }
}
