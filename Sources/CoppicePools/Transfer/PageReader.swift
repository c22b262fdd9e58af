internal import CoppiceEngine
internal import CoppiceErrors
internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// Reads pages of a pool, many at once, and decodes each and holds it against its hash.
///
/// Frames that lie near one another come with one request; requests run side by side.
final class PageReader: Sendable {
  /// Frames farther apart than that are asked for by themselves.
  private static let gapByteCountMax = PoolBoxes.boxByteCount
  private static let requestByteCountMax = 4 << 20
  /// Pages that one thread takes at a time.
  private static let shareCount = 64

  let content: PoolContent
  private let network: WorkerPool
  private let workers: WorkerPool
  // A codec is used by the one thread that took it out.
  private let codecs = Monitored<[PageCodec]>([])

  init(_ content: PoolContent) throws(StoreError) {
    self.content = content
    workers = try WorkerPool.transfers(content.options)
    do throws(SystemError) {
      network = try WorkerPool(
        threadCount: content.options.connectionCount - 1, name: "transfer")
    } catch {
      throw .noThread(error)
    }
  }

  /// Stored bytes of frames as they were fetched.
  struct StoredFrames: Sendable {
    fileprivate var parts: [SegmentPart] = []
    fileprivate var places: [FrameName: (part: Int, range: Range<Int>)] = [:]

    var byteCount: UInt64 { parts.reduce(0) { $0 + UInt64($1.byteCount) } }

    /// As long as this is held.
    ///
    /// - Precondition: the frame was fetched.
    func bytes(of name: FrameName) -> UnsafeRawBufferPointer {
      guard let place = places[name] else { preconditionFailure("\(name) was not fetched") }
      return parts[place.part].bytes(place.range)
    }

    mutating func merge(_ other: StoredFrames) {
      let first = parts.count
      parts += other.parts
      for (name, place) in other.places { places[name] = (place.part + first, place.range) }
    }
  }

  // MARK: Fetching

  private struct Extent {
    let segment: SegmentID
    var range: Range<Int>
    var frames: [Locator]
  }

  /// Fetches frames, each named once.
  func fetch(_ frames: some Sequence<Locator>) throws(StoreError) -> StoredFrames {
    let extents = Self.extents(frames)
    let unknown = Array(Set(extents.map(\.segment)))
    // So that not each of several requests asks for the segment's header.
    try network.performThrowing(count: unknown.count) { [content] index throws(StoreError) in
      _ = try content.reader(of: unknown[index])
    }
    let parts = Mutex([SegmentPart?](repeating: nil, count: extents.count))
    try network.performThrowing(count: extents.count) { [content] index throws(StoreError) in
      let part = try content.part(extents[index].range, of: extents[index].segment)
      parts.withLock { $0[index] = part }
    }
    var stored = StoredFrames()
    stored.parts = parts.withLock { $0 }.compactMap(\.self)
    for (part, extent) in extents.enumerated() {
      for frame in extent.frames {
        let start = Int(frame.offset)
        stored.places[frame.name] = (part, start..<start + frame.storedByteCount)
      }
    }
    return stored
  }

  private static func extents(_ frames: some Sequence<Locator>) -> [Extent] {
    let sorted = frames.sorted {
      ($0.name.segment.rawValue, $0.offset) < ($1.name.segment.rawValue, $1.offset)
    }
    var extents: [Extent] = []
    for frame in sorted {
      let start = Int(frame.offset)
      let end = start + frame.storedByteCount
      if let last = extents.last, last.segment == frame.name.segment,
        start <= last.range.upperBound + gapByteCountMax,
        end - last.range.lowerBound <= requestByteCountMax
      {
        extents[extents.count - 1].range = last.range.lowerBound..<max(last.range.upperBound, end)
        extents[extents.count - 1].frames.append(frame)
      } else {
        extents.append(
          Extent(segment: frame.name.segment, range: start..<end, frames: [frame]))
      }
    }
    return extents
  }

  // MARK: Decoding

  /// Where the pages build on others, by what their stored bytes say.
  func bases(of pages: [Ref], _ stored: StoredFrames) throws(StoreError) -> [FrameName: Locator] {
    var bases: [FrameName: Locator] = [:]
    for page in pages where page.locator.form.isDerived {
      do throws(FormatError) {
        let base = try Locator(decoding: stored.bytes(of: page.locator.name))
        guard base.form.kind == .page, !base.form.isDerived else {
          throw FormatError.malformed(what: "base of a page")
        }
        bases[page.locator.name] = base
      } catch {
        throw content.damaged(page.locator, "is not what was stored", cause: "\(error)")
      }
    }
    return bases
  }

  /// Decodes full pages that stored pages build on; with each the hash of what it is.
  func decodeBases(
    _ locators: [Locator], _ stored: StoredFrames
  ) throws(StoreError) -> [FrameName: (page: [UInt8], hash: PageHash)] {
    let decoded = Mutex<[FrameName: (page: [UInt8], hash: PageHash)]>([:])
    try share(locators.count) { [content, locators] index, codec throws(StoreError) in
      var page = [UInt8](repeating: 0, count: content.pageByteCount)
      try Self.decode(locators[index], stored, nil, codec, into: &page, content)
      let hash = page.withUnsafeBytes { content.secret.pageHash($0) }
      decoded.withLock { $0[locators[index].name] = (page, hash) }
    }
    return decoded.withLock { $0 }
  }

  /// Decodes pages and holds each against its hash.
  ///
  /// - Parameter base: the content of the page that one builds on.
  /// - Returns: what is wrong, for each page that is damaged.
  func verify(
    _ pages: [Ref], _ stored: StoredFrames,
    base: @Sendable (Ref) throws(StoreError) -> [UInt8]?
  ) throws(StoreError) -> [(page: Ref, error: StoreError)] {
    let damage = Mutex<[(page: Ref, error: StoreError)]>([])
    try share(pages.count) { [content, pages] index, codec throws(StoreError) in
      let ref = pages[index]
      var page = [UInt8](repeating: 0, count: content.pageByteCount)
      do throws(StoreError) {
        try Self.decode(ref.locator, stored, try base(ref), codec, into: &page, content)
        guard page.withUnsafeBytes({ content.secret.pageHash($0) }) == ref.hash else {
          throw content.damaged(
            ref.locator, "its content does not have the hash it was stored under")
        }
      } catch {
        if error.kind != .corrupt { throw error }
        damage.withLock { $0.append((ref, error)) }
      }
    }
    return damage.withLock { $0 }
  }

  private static func decode(
    _ locator: Locator, _ stored: StoredFrames, _ base: [UInt8]?, _ codec: PageCodec,
    into page: inout [UInt8], _ content: PoolContent
  ) throws(StoreError) {
    guard locator.form.kind == .page, let encoding = locator.form.encoding else {
      throw content.damaged(locator, "its ref does not name a page")
    }
    let payload = UnsafeRawBufferPointer(
      rebasing: stored.bytes(of: locator.name)
        .dropFirst(locator.form.isDerived ? Locator.byteCount : 0))
    do throws(FormatError) {
      try page.withMutableBytes { page throws(FormatError) in
        guard let base else {
          return try codec.decode(payload, encoding: encoding, base: nil, into: page)
        }
        try base.withBytes { base throws(FormatError) in
          try codec.decode(payload, encoding: encoding, base: base, into: page)
        }
      }
    } catch {
      throw content.damaged(locator, "is not what was stored", cause: "\(error)")
    }
  }

  /// Runs the body for each index on all cores, each thread with a codec of its own.
  private func share(
    _ count: Int, _ body: @Sendable (Int, PageCodec) throws(StoreError) -> Void
  ) throws(StoreError) {
    let shareCount = (count + Self.shareCount - 1) / Self.shareCount
    try workers.performThrowing(count: shareCount) {
      [codecs, content] share throws(StoreError) in
      let codec =
        codecs.withLock { $0.popLast() } ?? PageCodec(pageByteCount: content.pageByteCount)
      defer { codecs.withLock { $0.append(codec) } }
      for index in share * Self.shareCount..<min((share + 1) * Self.shareCount, count) {
        try body(index, codec)
      }
    }
  }
}
