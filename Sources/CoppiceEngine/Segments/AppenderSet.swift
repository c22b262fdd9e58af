internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// The appenders of all trust domains, and the segment ids they share.
final class AppenderSet: Sendable {
  private let segmentStore: SegmentStore
  private let uuid: StoreUUID
  private let nextSegment: Atomic<UInt64>
  private let storedByteCount = Atomic<UInt64>(0)
  private let appenders = Mutex<[DomainID: SegmentAppender]>([:])
  private let creating = Monitor()
  /// Guarded by `creating`.
  nonisolated(unsafe) private var mayContinue = true
  private let hosting = Monitor()
  /// Guarded by `hosting`.
  nonisolated(unsafe) private var unfinishedHosts: [SegmentEnd] = []

  private let forget: @Sendable (FrameName) -> Void
  private let lastLSN: @Sendable () -> LSN

  /// - Parameters:
  ///   - lastLSN: the journal's.
  ///   - forget: drops what caches and the window hold of the named frame's segment from that frame
  ///     on.
  init(
    _ segmentStore: SegmentStore, uuid: StoreUUID, nextSegment: UInt64,
    lastLSN: @escaping @Sendable () -> LSN, forget: @escaping @Sendable (FrameName) -> Void
  ) {
    self.forget = forget
    self.lastLSN = lastLSN
    self.segmentStore = segmentStore
    self.uuid = uuid
    self.nextSegment = Atomic(nextSegment)
  }

  /// Notes how large the store is: segments are in proportion to it.
  func note(storedByteCount: UInt64) {
    self.storedByteCount.store(storedByteCount, ordering: .relaxed)
  }

  /// The domain's appender. The first call for a domain continues `entry`, its newest published
  /// segment, if that has room and is as long as it should be; not once `closeAll` was called.
  func appender(_ domain: DomainID, continuing entry: @autoclosure () -> SegmentEntry?)
    throws(StoreError) -> SegmentAppender
  {
    if let known = appenders.withLock({ $0[domain] }) { return known }
    // One at a time: continuing a segment cuts off what lies behind its published end.
    return try creating.withLock { () throws(StoreError) in
      if let known = appenders.withLock({ $0[domain] }) { return known }
      let created = try SegmentAppender(
        domain, segmentStore, uuid: uuid,
        continuing: mayContinue ? entry() : nil,
        takeSegmentID: { [unowned self] () throws(StoreError) in try takeSegmentID() },
        storedByteCount: { [unowned self] in storedByteCount.load(ordering: .relaxed) },
        lastLSN: lastLSN, forget: forget)
      appenders.withLock { $0[domain] = created }
      return created
    }
  }

  private func takeSegmentID() throws(StoreError) -> SegmentID {
    let id = SegmentID(nextSegment.add(1, ordering: .relaxed).oldValue)
    guard id <= .localMax else {
      throw StoreError(
        .full, "the store has used up its \(SegmentID.localMax.rawValue) segment ids",
        remedy: "copy the branches to a new store")
    }
    return id
  }

  /// The segments that appenders still fill; without an appender of its domain none is.
  var openSegments: Set<SegmentID> { Set(all.compactMap(\.openSegmentID)) }
  /// The domains whose newest segment may be continued by an appender that is not there yet.
  func mayContinue(_ domain: DomainID) -> Bool {
    creating.withLock { mayContinue && appenders.withLock { $0[domain] == nil } }
  }

  var all: [SegmentAppender] { appenders.withLock { Array($0.values) } }

  /// Makes all appended frames of all domains durable and returns every end that is not published
  /// yet. A publish names them all: one frame may refer to any frame before it, and opening
  /// must know every segment with a smaller id.
  func sync() throws(StoreError) -> [SegmentEnd] {
    var ends: [SegmentEnd] = []
    for appender in all { ends += try appender.sync() }
    // Read last: whoever takes a smaller id than one of the above is in here by now.
    return ends + hosting.withLock { unfinishedHosts }
  }

  /// Makes a host, with a header only. Until it is complete, publishes name it without frames; they
  /// wait meanwhile, so that none names a file that a power cut may take away.
  func makeHost(_ domain: DomainID) throws(StoreError) -> (SegmentID, any DiskFile) {
    try hosting.withLock { () throws(StoreError) in
      let id = try takeSegmentID()
      let file: any DiskFile
      do throws(SegmentError) {
        file = try segmentStore.create(SegmentHeader(uuid: uuid, segment: id, domain: domain))
      } catch {
        throw StoreError(error, while: "creating a segment")
      }
      unfinishedHosts.append(
        SegmentEnd(
          segment: id, domain: domain, byteCount: UInt64(SegmentHeader.byteCount), frameCount: 0))
      return (id, file)
    }
  }

  func finishHosts(_ ids: [SegmentID]) {
    hosting.withLock { unfinishedHosts.removeAll { ids.contains($0.segment) } }
  }

  /// Ends all open segments: the next frame of each domain goes to a segment with a new id, also
  /// where no appender was made yet.
  func closeAll() {
    creating.withLock {
      mayContinue = false
      for appender in all { appender.closeSegment() }
    }
  }

  /// The id that the next segment gets: all frames so far have smaller names.
  var nextSegmentID: SegmentID { SegmentID(nextSegment.load(ordering: .acquiring)) }

  /// Writes the open bundle of that segment, if it has one.
  func writeBundle(of id: SegmentID) throws(StoreError) {
    for appender in all where appender.openSegmentID == id { try appender.flush() }
  }

  /// Called once a record that names these ends is durable. A host needs to be named but once:
  /// named again after it was reclaimed, it would come back without a file.
  func markPublished(_ ends: [SegmentEnd]) {
    for appender in all { appender.markPublished(ends) }
    finishHosts(ends.map(\.segment))
  }

  func place(of name: FrameName) -> SegmentDirectory.Place? {
    for appender in all {
      if let place = appender.place(ofOrdinal: name.ordinal, in: name.segment) { return place }
    }
    return nil
  }
}
