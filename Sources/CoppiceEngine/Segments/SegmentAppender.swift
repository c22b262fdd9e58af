internal import CoppiceFormat
internal import CoppicePlatform

/// Gives frames of one trust domain their names and writes them, bundle by bundle, into the
/// domain's one open segment.
///
/// What must hold:
/// - Names are given in order of appending, and segment ids only grow, so a frame's children and
///   base, appended before it, have smaller names.
/// - A bundle is written once; no byte of it is written again.
/// - After a failed write or sync the segment takes nothing more and ends for ever where it was
///   last published: frames behind that may be lost, so whoever used them starts over (`epoch`).
/// - From the moment its id is taken a segment is open or in `unpublished` until a publish named
///   it, all under one lock: a publish that names a larger id names it too.
final class SegmentAppender: @unchecked Sendable {
  let domain: DomainID
  private let segmentStore: SegmentStore
  private let uuid: StoreUUID
  private let takeSegmentID: @Sendable () throws(StoreError) -> SegmentID
  /// Bytes of all published segments, lately.
  private let storedByteCount: @Sendable () -> UInt64
  private let lastLSN: @Sendable () -> LSN
  /// Told the first frame that may be lost when a segment is given up.
  private let forget: @Sendable (FrameName) -> Void
  private let monitor = Monitor()

  // All below is guarded by `monitor`.
  private var open: OpenSegment?
  /// Segments with bytes that no durable publish names yet, oldest first.
  private var unpublished: [Unpublished] = []
  private var failureCount = 0

  private struct Unpublished {
    var id: SegmentID
    var file: any DiskFile
    var byteCount: UInt64
    var frameCount: UInt32
    var isSynced = false
    /// Of a failed segment: its end was published, or is the bare header.
    var isAbandoned = false
  }

  /// The end that the last durable publish gave the open segment.
  private var publishedEnd: (byteCount: UInt64, frameCount: UInt32) = (
    UInt64(SegmentHeader.byteCount), 0
  )
  /// The greatest end of the open segment that a publish may be about to name.
  private var promisedByteCount: UInt64 = 0

  init(
    _ domain: DomainID, _ segmentStore: SegmentStore, uuid: StoreUUID,
    continuing entry: SegmentEntry?,
    takeSegmentID: @escaping @Sendable () throws(StoreError) -> SegmentID,
    storedByteCount: @escaping @Sendable () -> UInt64,
    lastLSN: @escaping @Sendable () -> LSN, forget: @escaping @Sendable (FrameName) -> Void
  ) throws(StoreError) {
    self.domain = domain
    self.segmentStore = segmentStore
    self.uuid = uuid
    self.takeSegmentID = takeSegmentID
    self.storedByteCount = storedByteCount
    self.lastLSN = lastLSN
    self.forget = forget
    guard let entry, entry.byteCount < byteCountMax else { return }
    do throws(SegmentError) {
      // Where there is none to continue, a new one takes the next frames.
      guard let file = try segmentStore.openToContinue(entry) else { return }
      open = OpenSegment(
        id: entry.id, file: file, byteCount: entry.byteCount, frameCount: entry.frameCount,
        byteCountMax: byteCountMax)
      publishedEnd = (entry.byteCount, entry.frameCount)
    } catch {
      throw StoreError(error, while: "opening a segment to continue it")
    }
  }

  /// Changes when frames that were appended before may have been lost.
  var epoch: Int { monitor.withLock { failureCount } }

  /// Appends frames in order and stores their locators in `locators`.
  func append(
    _ frames: UnsafeBufferPointer<PendingFrame>,
    locators: UnsafeMutableBufferPointer<Locator>
  ) throws(StoreError) {
    monitor.lock()
    defer { monitor.unlock() }
    for (index, frame) in frames.enumerated() {
      let segment = try segmentWithRoom(for: frame)
      locators[index] = segment.append(frame)
    }
  }

  private func segmentWithRoom(for frame: PendingFrame) throws(StoreError) -> OpenSegment {
    if let segment = open {
      if segment.isBundleFull(adding: frame.stored.count) { try writeBundle() }
      if segment.fits(frame.stored.count) { return segment }
      try writeBundle()
      open = nil
    }
    let id = try takeSegmentID()
    do throws(SegmentError) {
      let header = SegmentHeader(uuid: uuid, segment: id, domain: domain)
      let file = try segmentStore.create(header)
      let segment = OpenSegment(
        id: id, file: file, byteCount: UInt64(SegmentHeader.byteCount), frameCount: 0,
        byteCountMax: byteCountMax)
      open = segment
      publishedEnd = (UInt64(SegmentHeader.byteCount), 0)
      promisedByteCount = 0
      unpublished.append(
        Unpublished(
          id: id, file: file, byteCount: UInt64(SegmentHeader.byteCount), frameCount: 0))
      return segment
    } catch {
      throw StoreError(error, while: "creating a segment")
    }
  }

  /// Of the next segment. What is not published counts too: an import publishes at its end.
  private var byteCountMax: UInt64 {
    SegmentLimits.segmentByteCount(
      storedByteCount: unpublished.reduce(storedByteCount()) { $0 + $1.byteCount })
  }

  /// Writes the open bundle to the segment's file. Its frames can be read from then on.
  func flush() throws(StoreError) {
    try monitor.withLock { () throws(StoreError) in try writeBundle() }
  }

  private func writeBundle() throws(StoreError) {
    guard let segment = open, segment.hasBundle else { return }
    do throws(SystemError) {
      try segment.writeBundle(lsn: lastLSN())
    } catch {
      abandon(segment.id)
      // On a full disk this is what others need. Where it fails, opening cuts the file.
      try? segment.file.truncate(to: max(publishedEnd.byteCount, promisedByteCount))
      throw StoreError(error, while: "writing a bundle")
    }
    if let index = unpublished.firstIndex(where: { $0.id == segment.id }) {
      unpublished[index].byteCount = segment.writtenByteCount
      unpublished[index].frameCount = segment.writtenFrameCount
      unpublished[index].isSynced = false
    } else {
      unpublished.append(
        Unpublished(
          id: segment.id, file: segment.file, byteCount: segment.writtenByteCount,
          frameCount: segment.writtenFrameCount))
    }
  }

  /// Makes all appended frames durable; returns the ends that the next publish must name.
  func sync() throws(StoreError) -> [SegmentEnd] {
    monitor.lock()
    defer { monitor.unlock() }
    try writeBundle()
    let targets = unpublished
    let epoch = failureCount
    monitor.unlock()
    var failed: (id: SegmentID, error: SystemError)?
    for target in targets where !target.isSynced && !target.isAbandoned {
      do throws(SystemError) {
        try target.file.sync()
      } catch {
        failed = (target.id, error)
        break
      }
    }
    monitor.lock()
    if let failed {
      abandon(failed.id)
      throw StoreError(failed.error, while: "syncing a segment")
    }
    // The kernel reports a lost write to one of those that sync the file: all must hear of it.
    guard failureCount == epoch else {
      throw StoreError(.unavailable, "a segment was lost while it was synced")
    }
    for target in targets {
      if let index = unpublished.firstIndex(where: {
        $0.id == target.id && $0.byteCount == target.byteCount
      }) {
        unpublished[index].isSynced = true
      }
    }
    for target in targets where target.id == open?.id {
      promisedByteCount = max(promisedByteCount, target.byteCount)
    }
    return targets.map {
      SegmentEnd(
        segment: $0.id, domain: domain, byteCount: $0.byteCount, frameCount: $0.frameCount)
    }
  }

  /// Called once a record that names these ends is durable.
  func markPublished(_ ends: [SegmentEnd]) {
    monitor.withLock {
      for end in ends {
        unpublished.removeAll { $0.id == end.segment && $0.byteCount <= end.byteCount }
        // Records with an earlier end may become durable later.
        if open?.id == end.segment, end.byteCount > publishedEnd.byteCount {
          publishedEnd = (end.byteCount, end.frameCount)
        }
      }
    }
  }

  /// Ends the segment for ever where it was last published. It is still named by the next publish,
  /// so that opening knows its file.
  private func abandon(_ id: SegmentID) {
    failureCount += 1
    if let segment = open, segment.id == id {
      open = nil
      unpublished.removeAll { $0.id == id }
      unpublished.append(
        Unpublished(
          id: id, file: segment.file, byteCount: publishedEnd.byteCount,
          frameCount: publishedEnd.frameCount, isAbandoned: true))
      forget(FrameName(segment: id, ordinal: publishedEnd.frameCount))
    } else if let index = unpublished.firstIndex(where: { $0.id == id }) {
      // It was complete and nothing of it was published: whoever put frames into it starts over.
      unpublished[index].byteCount = UInt64(SegmentHeader.byteCount)
      unpublished[index].frameCount = 0
      unpublished[index].isAbandoned = true
      forget(FrameName(segment: id, ordinal: 0))
    }
  }

  /// Whether the segment is open here or waits for its publish.
  func owns(_ id: SegmentID) -> Bool {
    monitor.withLock { open?.id == id || unpublished.contains { $0.id == id } }
  }

  /// The segment that the next frame goes to, if it has room.
  var openSegmentID: SegmentID? { monitor.withLock { open?.id } }

  /// Where a frame of the open segment lies, if its bundle is on disk.
  func place(ofOrdinal ordinal: UInt32, in id: SegmentID) -> SegmentDirectory.Place? {
    monitor.withLock {
      guard let open, open.id == id else { return nil }
      return open.place(ofOrdinal: ordinal)
    }
  }

  /// Closes the open segment: the next frame goes to a new one.
  func closeSegment() {
    monitor.withLock {
      // A segment whose last bundle cannot be written is given up, and whoever used it starts over.
      try? writeBundle()
      open = nil
    }
  }
}
