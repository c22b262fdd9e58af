package import CoppiceErrors
internal import CoppiceFormat
internal import CoppiceEngine
internal import CoppicePlatform
internal import Synchronization

/// What a pool's segments hold: trees, their nodes and pages. Thread-safe.
///
/// What does not hold is read once more before it is called damaged; a segment that is not there
/// is gone. All throw `corrupt`, `notFound` with the reason `gone`, `denied`, `unsupportedFormat`,
/// and `unavailable` with the reason `unreachable`.
package final class PoolContent: Sendable {
  let store: any ObjectStore
  let place: String
  let keys: PoolKeys
  let secret: HashSecret
  let pageShift: UInt8
  /// `nil`: all is read from the pool.
  let cache: ContentCache?
  let options: TransferOptions
  private let readers = Mutex<[SegmentID: BoxReader]>([:])
  let nodeTable: Monitored<NodeTable>
  let indexTable = Mutex<[SegmentID: SegmentFrames]>([:])

  init(
    _ access: PoolAccess, _ head: PoolHead, _ options: TransferOptions, usesCopies: Bool = true
  ) {
    store = access.site.store
    place = access.site.place
    keys = access.opener.ring
    secret = HashSecret(bytes: head.secret)
    pageShift = head.pageShift
    cache =
      usesCopies ? ContentCache(disk: access.site.disk, folder: access.site.folder) : nil
    self.options = options
    nodeTable = Monitored(NodeTable())
  }

  var pageByteCount: Int { 1 << pageShift }

  /// All of a segment's content.
  func content(of id: SegmentID) throws(StoreError) -> [UInt8] {
    let name = PoolObjectName.segment(id)
    return try twice { () throws(StoreError) in
      try BoxReader.openAll(try fetch(name, nil).bytes, of: name, keys: keys)
    }
  }

  /// Some of a segment's content.
  func bytes(_ range: Range<Int>, of id: SegmentID) throws(StoreError) -> [UInt8] {
    let part = try part(range, of: id)
    return withExtendedLifetime(part) { Array(part.bytes(range)) }
  }

  /// As above, where it was opened.
  func part(_ range: Range<Int>, of id: SegmentID) throws(StoreError) -> SegmentPart {
    let name = PoolObjectName.segment(id)
    return try twice { () throws(StoreError) in
      let reader = try reader(of: id)
      let layout = reader.header.boxes
      guard range.upperBound <= layout.contentByteCount else {
        throw StoreError(.corrupt, "ends before what should lie in it", object: name.key)
      }
      let boxes = layout.boxes(covering: range)
      let fetched = try fetch(name, layout.storedRange(of: boxes)).bytes
      let part = SegmentPart(of: layout.contentRange(of: boxes))
      try fetched.withBytes { stored throws(StoreError) in
        try reader.open(boxes, from: stored, into: part.buffer.mutableContents)
      }
      return part
    }
  }

  /// What opens the segment's boxes.
  func reader(of id: SegmentID) throws(StoreError) -> BoxReader {
    if let known = readers.withLock({ $0[id] }) { return known }
    let name = PoolObjectName.segment(id)
    let start = try fetch(name, 0..<PoolObjectHeader.byteCount)
    let reader = try BoxReader(header: start.bytes.span.bytes, of: name, keys: keys)
    guard reader.header.boxes.objectByteCount == start.byteCount else {
      throw StoreError(
        .corrupt,
        "has \(start.byteCount) bytes instead of \(reader.header.boxes.objectByteCount)",
        object: name.key)
    }
    readers.withLock { readers in
      if readers.count >= Self.readerCountMax { readers = [:] }
      readers[id] = reader
    }
    return reader
  }

  private static let readerCountMax = 4096

  func fetch(_ name: PoolObjectName, _ range: Range<Int>?) throws(StoreError) -> FetchedObject {
    do throws(ObjectStoreError) {
      return try store.get(ObjectKey(known: name.key), range)
    } catch {
      if error.kind == .missing {
        throw StoreError(
          .notFound, "the pool has this no more", object: name.key,
          remedy: "list the pool's entries: what was deleted meanwhile is gone", reason: .gone)
      }
      throw StoreError(error, while: "reading the pool", object: place)
    }
  }

  /// Damage takes two fresh copies.
  func twice<Result>(_ body: () throws(StoreError) -> Result) throws(StoreError) -> Result {
    do throws(StoreError) { return try body() } catch {
      guard error.kind == .corrupt else { throw error }
      return try body()
    }
  }

  func damaged(_ locator: Locator, _ message: String, cause: String = "") -> StoreError {
    StoreError(
      .corrupt, message, object: "frame \(locator.name) of the pool", remedy: "check the pool",
      cause: cause)
  }
}

/// Content of a segment, from one place of it on.
final class SegmentPart: Sendable {
  fileprivate let buffer: AlignedBuffer
  private let start: Int

  fileprivate init(of range: Range<Int>) {
    start = range.lowerBound
    buffer = AlignedBuffer(byteCountMin: range.count)
    buffer.extend(range.count)
  }

  var byteCount: Int { buffer.byteCount }

  /// The bytes in that range of the segment, as long as this is held.
  func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(
      rebasing: buffer.contents[range.lowerBound - start..<range.upperBound - start])
  }
}

extension PoolAccess {
  /// What the pool's segments hold.
  package mutating func content(_ options: TransferOptions) throws(StoreError) -> PoolContent {
    PoolContent(self, try head(), options)
  }

  /// The newest live entry of that name, `branch` or `branch@snapshot`; `nil` without one.
  package mutating func newest(_ name: String) throws(StoreError) -> ListedEntry? {
    try entries().newest(name)
  }
}

extension [ListedEntry] {
  func newest(_ name: String) -> ListedEntry? {
    last { $0.entry.isLive && $0.entry.name.hasBytes(of: name) }
  }
}
