internal import CoppiceEngine
internal import CoppiceErrors
internal import CoppiceFormat
internal import CoppicePlatform

/// Where a push puts its frames: segments of pages and of nodes, which fill side by side and are
/// sent while others fill. One thread uses it.
///
/// Segments begin small, so that the first are on their way early.
final class PoolUpload {
  private enum Row {
    case pages
    case nodes
  }

  /// A segment that fills, and what it will be sealed under: the key of the intent of its id.
  private struct Open {
    var builder: SegmentBuilder
    let key: PoolSealingKey
  }

  private static let segmentByteCountMin = 4 << 20
  private static let segmentByteCountMax = 48 << 20
  private static let nodeSegmentByteCountMax = 4 << 20
  private static let idCounts: (first: UInt32, max: UInt32) = (16, 1024)
  /// Of segments that are being sent, or wait for it.
  private static let waitingByteCountMax = 96 << 20

  private let writer: PoolWriter
  private let content: PoolContent
  private let site: PoolSite
  private let state: PushedState
  private let supports: [PoolEntryName]
  private let lanes: TransferLanes
  private let notes: Monitored<UploadNotes>
  private let scratch = AlignedBuffer()
  private var pages: Open?
  private var nodes: Open?
  private var ids: [(id: SegmentID, key: PoolSealingKey)] = []
  private var idCount = PoolUpload.idCounts.first
  private var pageSegmentCount = 0
  /// Of this push, those that an earlier process opened too.
  private(set) var intents: [OpenIntent]
  private let sent = Monitored<[PushedSegment]>([])

  /// - Parameter intents: those of earlier processes whose segments the push uses.
  init(
    _ writer: PoolWriter, _ content: PoolContent, _ state: PushedState, supports: [PoolEntryName],
    continuing intents: [OpenIntent], _ notes: UploadNotes
  ) throws(StoreError) {
    self.writer = writer
    self.content = content
    self.state = state
    self.supports = supports
    self.intents = intents
    self.notes = Monitored(notes)
    site = writer.site
    lanes = try TransferLanes(
      count: content.options.connectionCount, byteCountMax: Self.waitingByteCountMax)
  }

  /// Opens an intent: what it supports stays from here on, with the roots that it has.
  func begin() throws(StoreError) -> [Ref] {
    let intent = try openIntent()
    return intent.supports.map(\.root)
  }

  private func openIntent() throws(StoreError) -> OpenIntent {
    let intent = try writer.openIntent(idCount: idCount, domain: state.domain, supports: supports)
    idCount = min(idCount * 4, Self.idCounts.max)
    intents.append(intent)
    let key = try writer.keys.sealingKey(intent.key)
    ids += (intent.ids?.ids ?? 0..<0).map { (SegmentID($0), key) }
    return intent
  }

  /// Appends a page.
  ///
  /// - Parameter base: the full page of the pool that it builds on; `payload` is without its
  ///   locator.
  func append(
    page hash: PageHash, _ form: FrameForm, _ payload: UnsafeRawBufferPointer, base: Ref?,
    _ volume: VolumeNumber, _ page: PageNumber
  ) throws(StoreError) -> Ref {
    var stored = payload
    if let base {
      scratch.removeAll()
      base.locator.encode(
        into: UnsafeMutableRawBufferPointer(
          start: scratch.extend(Locator.byteCount), count: Locator.byteCount))
      scratch.append(payload)
      stored = scratch.contents
    }
    let frame = PendingFrame(
      stored: stored, form: form, hashPrefix: hash.low, volume: volume, page: page,
      base: base?.locator.name ?? .none)
    return try append(frame, hash, to: .pages)
  }

  /// Appends a node.
  func append(
    _ node: NodeFrame, _ header: NodeHeader, _ volume: VolumeNumber
  ) throws(StoreError) -> Ref {
    try node.stored.withBytes { bytes throws(StoreError) in
      try append(node.pending(bytes, header, volume), header.id, to: .nodes)
    }
  }

  private func append(
    _ frame: PendingFrame, _ hash: PageHash, to row: Row
  ) throws(StoreError) -> Ref {
    var open = try segment(row, adding: frame.stored.count)
    let locator = open.builder.append(frame, hash: hash)
    set(open, row)
    return Ref(hash: hash, locator: locator)
  }

  private func set(_ open: Open?, _ row: Row) {
    switch row {
    case .pages: pages = open
    case .nodes: nodes = open
    }
  }

  /// What takes a frame of that many bytes.
  private func segment(_ row: Row, adding byteCount: Int) throws(StoreError) -> Open {
    let open = row == .pages ? pages : nodes
    if let open, open.builder.byteCount + byteCount <= limit(row) { return open }
    if let open { try send(open, row) }
    if ids.isEmpty { _ = try openIntent() }
    let next = ids.removeFirst()
    let header = SegmentHeader(uuid: content.keys.pool, segment: next.id, domain: state.domain)
    return Open(builder: SegmentBuilder(header, lsn: state.lsn), key: next.key)
  }

  private func limit(_ row: Row) -> Int {
    switch row {
    case .pages:
      min(Self.segmentByteCountMax, Self.segmentByteCountMin * (1 + pageSegmentCount / 2))
    case .nodes: Self.nodeSegmentByteCountMax
    }
  }

  /// Sends what is left, and waits until the object store has all of it.
  func finish() throws(StoreError) -> [PushedSegment] {
    for row in [Row.pages, .nodes] {
      if let open = row == .pages ? pages : nodes { try send(open, row) }
    }
    try lanes.finish()
    return sent.withLock { $0 }
  }

  /// Forgets what was noted, after all was published. Returns ids of the push's intents that may
  /// have been sent.
  func end() -> Set<SegmentID> {
    notes.withLock { notes in
      defer { notes.clear() }
      return notes.begun.filter { id in intents.contains { $0.ids?.contains(id) ?? false } }
    }
  }

  private func send(_ open: Open, _ row: Row) throws(StoreError) {
    var builder = open.builder
    let (finished, key, domain) = (builder.finish(), open.key, state.domain)
    set(nil, row)
    if row == .pages { pageSegmentCount += 1 }
    // In the order of ids: whatever was noted as sent, all before it were noted as begun.
    try notes.withLock { notes throws(StoreError) in try notes.begin(finished.id, in: domain) }
    let (content, site, notes, sent) = (content, site, notes, sent)
    try lanes.add(finished.content.count) { () throws(StoreError) in
      let byteCount = try content.send(finished, under: key, using: site.random)
      try notes.withLock { notes throws(StoreError) in
        try notes.note(finished.id, byteCount: byteCount)
      }
      if row == .nodes { content.cache?.insert(finished.content, .nodes, finished.id) }
      content.keepIndex(finished)
      sent.withLock {
        $0.append(PushedSegment(id: finished.id, byteCount: byteCount, isVerified: true))
      }
    }
  }
}

extension PoolContent {
  /// Seals a segment and sends it; returns the object's byte count once the store has all of it.
  fileprivate func send(
    _ segment: SegmentBuilder.Finished, under key: PoolSealingKey, using random: RandomSource
  ) throws(StoreError) -> Int {
    let name = PoolObjectName.segment(segment.id)
    var random = random
    let bytes = ObjectBoxes.seal(
      segment.content, as: name, in: keys.pool, under: key, using: &random)
    let outcome: WriteOutcome
    do throws(ObjectStoreError) {
      outcome = try store.put(ObjectKey(known: name.key), bytes, .ifAbsent)
    } catch {
      throw StoreError(error, while: "sending a segment", object: place)
    }
    switch outcome {
    case .done: break
    case .refused:
      throw StoreError(
        .conflict, "another object lies where a segment was to go", object: name.key,
        remedy: "push once more: other names are taken then")
    case .unknown(let cause):
      throw StoreError(
        .unavailable, "a segment could not be sent", object: name.key,
        remedy: "push once more: it goes on where it stopped", cause: cause, reason: .unreachable)
    }
    // The answer may have been somebody else's, or of a part.
    let status: ObjectStatus
    do throws(ObjectStoreError) {
      status = try store.head(ObjectKey(known: name.key))
    } catch {
      throw StoreError(error, while: "verifying a segment", object: place)
    }
    guard status.byteCount == bytes.count else {
      throw StoreError(
        .unavailable, "has \(status.byteCount) bytes instead of \(bytes.count)", object: name.key,
        remedy: "push once more")
    }
    if options.verifiesUploads, try fetch(name, nil).bytes != bytes {
      throw StoreError(
        .unavailable, "the object store gives back other bytes than it got", object: name.key,
        remedy: "check the pool")
    }
    return bytes.count
  }

  /// Keeps the index of a segment that was sent.
  fileprivate func keepIndex(_ segment: SegmentBuilder.Finished) {
    let end = UInt64(segment.content.count)
    cache?.insert(
      withUnsafeBytes(of: end.littleEndian) { Array($0) } + segment.content[segment.indexOffset...],
      .index, segment.id)
  }
}

extension PoolWriter {
  var site: PoolSite { access.withLock { $0.site } }
}
