internal import CoppiceFormat
internal import CoppicePlatform

/// What one transaction does to each volume, made on top of a state and laid over it at once.
struct Change {
  private(set) var parts: [(volume: VolumeNumber, part: VolumeLayer)] = []

  func part(_ volume: VolumeNumber) -> VolumeLayer? {
    parts.first { $0.volume == volume }?.part
  }

  mutating func add(_ part: VolumeLayer, _ volume: VolumeNumber) {
    parts.append((volume, part))
  }
}

/// The state that a change is made on top of.
protocol PageSource {
  /// Throws `invalid` when the frame lies in another trust domain than this state.
  func checkDomain(of ref: Ref) throws(StoreError)
  func attributes(of volume: VolumeNumber) throws(StoreError) -> VolumeAttributes?
  /// The page, given what a change on top of this state answered; `.below` asks the state itself.
  /// `nil` stands for a page of zeros.
  func page(_ answer: VolumeLayer.Answer, _ volume: VolumeNumber, _ page: PageNumber)
    throws(StoreError) -> PageBuffer?
}

/// Works out what operations do to whole pages. A write of part of a page completes the page from
/// the state below, so that layers hold whole pages only; it fails when that page cannot be read.
///
/// Live commits and replay use the same code, so they arrive at the same layers. But what was
/// written was acknowledged: in replay such a page is marked, and the rest goes on.
struct ChangeBuilder<Source: PageSource> {
  let source: Source
  let buffers: PageBufferPool
  private let marksUnreadable: Bool
  /// Whether a page was marked.
  private(set) var hasUnreadable = false
  /// Volumes of which not even the byte count can be read, so that operations on them are left out.
  private(set) var lostVolumes: [VolumeNumber: StoreError] = [:]
  /// Modification time that the next operations give to volumes.
  var time: Int64
  private(set) var change = Change()

  /// - Parameter marksUnreadable: whether pages whose old content cannot be read are marked, and
  ///   volumes that cannot be read left out, instead of failing the operation.
  init(on source: Source, buffers: PageBufferPool, time: Int64, marksUnreadable: Bool = false) {
    self.source = source
    self.buffers = buffers
    self.marksUnreadable = marksUnreadable
    self.time = time
  }

  private var pageByteCount: UInt64 { UInt64(buffers.pageByteCount) }

  /// Applies all operations of a transaction.
  mutating func apply(_ transaction: borrowing Transaction) throws(StoreError) {
    let operations = transaction.operations
    for record in transaction.records {
      time = record.time
      try operations.withBytes { bytes throws(StoreError) in
        try apply(
          OpReader(
            UnsafeRawBufferPointer(rebasing: bytes[record.bytes]), opCount: record.operationCount),
          object: "a transaction")
      }
    }
  }

  /// Applies operations in the form in which records hold them.
  mutating func apply(_ reader: OpReader, object: @autoclosure () -> String) throws(StoreError) {
    var reader = reader
    while true {
      let next: Op?
      do throws(FormatError) { next = try reader.next() } catch {
        throw StoreError(error, in: object())
      }
      guard let op = next else { return }
      do throws(StoreError) { try apply(op) } catch {
        let volume = op.header.volume
        guard marksUnreadable, error.kind == .corrupt, change.part(volume) == nil else {
          throw error
        }
        lostVolumes[volume] = error
      }
    }
  }

  private mutating func apply(_ op: Op) throws(StoreError) {
    let volume = op.header.volume
    switch op.header.code {
    case .write: try write(volume, at: op.header.offset, op.payload)
    case .hole: try hole(volume, at: op.header.offset, byteCount: op.holeByteCount)
    case .resize: try resize(volume, to: op.header.offset)
    case .drop: try drop(volume)
    case .share: try share(volume, op)
    case .adopt: try adopt(volume, op)
    }
  }

  /// Throws `invalid` when the volume's number, or the number of the page that ends at `end`, would
  /// not fit where it is stored.
  private func check(_ volume: VolumeNumber, endingAt end: UInt64?) throws(StoreError) {
    let limit = min(VolumeNumber.byteCountMax, pageByteCount << UInt64(PageNumber.bitCount))
    guard let end, end <= limit, volume.rawValue >> UInt64(VolumeNumber.bitCount) == 0 else {
      throw StoreError(
        .invalid, "a volume takes at most \(limit) bytes", object: "volume \(volume.rawValue)")
    }
  }

  private static func sum(_ a: UInt64, _ b: UInt64) -> UInt64? {
    let (sum, isOver) = a.addingReportingOverflow(b)
    return isOver ? nil : sum
  }

  private mutating func part(_ volume: VolumeNumber) throws(StoreError) -> VolumeLayer {
    if let known = change.part(volume) { return known }
    let part = VolumeLayer(attributes: try source.attributes(of: volume))
    change.add(part, volume)
    return part
  }

  private enum OldPage {
    /// `nil` is zeros.
    case content(PageBuffer?)
    case unreadable
  }

  /// The page as the operations so far leave it. Marks one that cannot be read, if that is to be
  /// done.
  private mutating func current(_ volume: VolumeNumber, _ part: VolumeLayer, _ page: UInt64)
    throws(StoreError) -> OldPage
  {
    do throws(StoreError) {
      return .content(try source.page(part.lookup(PageNumber(page)), volume, PageNumber(page)))
    } catch {
      guard marksUnreadable, error.kind == .corrupt else { throw error }
      part.pages.insert(.unreadable(Self.unreadable(volume, page, error)), at: page)
      hasUnreadable = true
      return .unreadable
    }
  }

  private static func unreadable(_ volume: VolumeNumber, _ page: UInt64, _ error: StoreError)
    -> StoreError
  {
    let what = "page \(page) of file \(volume.rawValue) was written in part, over a page that"
    if error.message.hasPrefix(what) { return error }
    return StoreError(
      .corrupt, "\(what) cannot be read: \(error.message)", object: error.object,
      remedy: "restore what is damaged from a copy of the store, or write the whole page",
      cause: error.cause)
  }

  // MARK: Operations

  mutating func write(_ volume: VolumeNumber, at offset: UInt64, _ bytes: UnsafeRawBufferPointer)
    throws(StoreError)
  {
    guard bytes.count > 0 else { return }
    try check(volume, endingAt: Self.sum(offset, UInt64(bytes.count)))
    let part = try part(volume)
    let old = part.attributes?.byteCount ?? 0
    let end = offset + UInt64(bytes.count)
    var place = offset
    while place < end {
      let page = place / pageByteCount
      let start = page * pageByteCount
      let stop = min(end, start + pageByteCount)
      let buffer = buffers.acquire()
      if place > start || stop < min(old, start + pageByteCount) {
        guard case .content(let below) = try current(volume, part, page) else {
          place = stop
          continue
        }
        complete(buffer, from: below)
      } else {
        let tail = Int(start + pageByteCount - stop)
        (buffer.bytes + Int(stop - start)).initializeMemory(
          as: UInt8.self, repeating: 0, count: tail)
      }
      if let from = bytes.baseAddress {
        (buffer.bytes + Int(place - start)).copyMemory(
          from: from + Int(place - offset), byteCount: Int(stop - place))
      }
      part.pages.insert(.bytes(buffer), at: page)
      place = stop
    }
    part.attributes = VolumeAttributes(byteCount: max(old, end), modified: time)
  }

  private func complete(_ buffer: PageBuffer, from page: PageBuffer?) {
    if let page {
      buffer.bytes.copyMemory(from: page.bytes, byteCount: buffers.pageByteCount)
    } else {
      buffer.bytes.initializeMemory(as: UInt8.self, repeating: 0, count: buffers.pageByteCount)
    }
  }

  mutating func hole(_ volume: VolumeNumber, at offset: UInt64, byteCount: UInt64)
    throws(StoreError)
  {
    let part = try part(volume)
    guard let old = part.attributes?.byteCount else { return }
    try clear(volume, part, offset..<max(offset, min(old, offset &+ byteCount)), upTo: old)
    part.attributes?.modified = time
  }

  /// Makes a range of bytes zero: whole pages become holes, parts of pages are written. What lies
  /// past `end`, the volume's byte count, is zero already.
  private mutating func clear(
    _ volume: VolumeNumber, _ part: VolumeLayer, _ range: Range<UInt64>, upTo end: UInt64
  ) throws(StoreError) {
    guard !range.isEmpty else { return }
    let firstWhole = (range.lowerBound + pageByteCount - 1) / pageByteCount
    let pastWhole =
      range.upperBound >= end
      ? (end + pageByteCount - 1) / pageByteCount : range.upperBound / pageByteCount
    if firstWhole > pastWhole {
      try clearPart(volume, part, range)
      return
    }
    if range.lowerBound < firstWhole * pageByteCount {
      try clearPart(
        volume, part,
        range.lowerBound..<min(range.upperBound, firstWhole * pageByteCount))
    }
    part.punch(firstWhole..<pastWhole)
    let stop = pastWhole * pageByteCount
    if range.upperBound > stop { try clearPart(volume, part, stop..<range.upperBound) }
  }

  /// Zeroes bytes of one page.
  private mutating func clearPart(
    _ volume: VolumeNumber, _ part: VolumeLayer, _ range: Range<UInt64>
  ) throws(StoreError) {
    let page = range.lowerBound / pageByteCount
    guard case .content(let old?) = try current(volume, part, page) else { return }
    let buffer = buffers.acquire()
    complete(buffer, from: old)
    (buffer.bytes + Int(range.lowerBound - page * pageByteCount)).initializeMemory(
      as: UInt8.self, repeating: 0, count: range.count)
    part.pages.insert(.bytes(buffer), at: page)
  }

  mutating func resize(_ volume: VolumeNumber, to byteCount: UInt64) throws(StoreError) {
    try check(volume, endingAt: byteCount)
    let part = try part(volume)
    let old = part.attributes?.byteCount ?? 0
    if byteCount < old { try clear(volume, part, byteCount..<old, upTo: old) }
    part.attributes = VolumeAttributes(byteCount: byteCount, modified: time)
  }

  mutating func drop(_ volume: VolumeNumber) throws(StoreError) {
    let part = try part(volume)
    part.replace(with: nil)
    part.attributes = nil
  }

  private mutating func share(_ volume: VolumeNumber, _ op: Op) throws(StoreError) {
    let end = Self.sum(op.header.offset, UInt64(op.refCount) * pageByteCount)
    try check(volume, endingAt: end)
    let part = try part(volume)
    let first = op.header.offset / pageByteCount
    for index in 0..<op.refCount {
      let ref: Ref
      do throws(FormatError) { ref = try op.ref(at: index) } catch {
        throw StoreError(error, in: "a shared copy into volume \(volume.rawValue)")
      }
      try source.checkDomain(of: ref)
      if ref.isHole {
        part.punch(first + UInt64(index)..<first + UInt64(index) + 1)
      } else {
        part.pages.insert(.shared(ref), at: first + UInt64(index))
        part.sharedPageCount += 1
      }
    }
    part.attributes = VolumeAttributes(
      byteCount: max(part.attributes?.byteCount ?? 0, end ?? 0), modified: time)
  }

  private mutating func adopt(_ volume: VolumeNumber, _ op: Op) throws(StoreError) {
    try check(volume, endingAt: op.adoptedByteCount)
    let part = try part(volume)
    let top: Ref
    do throws(FormatError) { top = try op.ref(at: 0) } catch {
      throw StoreError(error, in: "an adopted volume \(volume.rawValue)")
    }
    try source.checkDomain(of: top)
    part.replace(with: top)
    part.attributes = VolumeAttributes(byteCount: op.adoptedByteCount, modified: time)
  }
}
