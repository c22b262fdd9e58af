internal import CoppiceFormat
internal import CoppicePlatform

/// Copies live frames of one domain, verbatim, into host segments. One thread uses it.
final class HostWriter {
  private let domain: DomainID
  private let core: StoreCore
  private var open: OpenSegment?
  private(set) var ends: [SegmentEnd] = []
  /// All hosts that were begun, also those that failed.
  private var begun: [(id: SegmentID, file: any DiskFile)] = []
  /// By home segment: the hosts that took frames of it over.
  private(set) var hosts: [SegmentID: Set<SegmentID>] = [:]
  private(set) var copiedByteCount = 0

  init(_ core: StoreCore, domain: DomainID) {
    self.core = core
    self.domain = domain
  }

  func copy(_ frame: PendingFrame, name: FrameName) throws(StoreError) {
    do throws(SystemError) {
      if let segment = open, segment.isBundleFull(adding: frame.stored.count) {
        try segment.writeBundle(lsn: core.journal.lastLSN)
      }
      if let segment = open, !segment.fits(frame.stored.count) { try finish(segment) }
    } catch {
      throw StoreError(error, while: "copying live frames")
    }
    let segment = if let open { open } else { try begin() }
    segment.append(frame, home: name)
    hosts[name.segment, default: []].insert(segment.id)
    copiedByteCount += frame.stored.count
  }

  private func begin() throws(StoreError) -> OpenSegment {
    let (id, file) = try core.appenders.makeHost(domain)
    begun.append((id, file))
    let segment = OpenSegment(
      id: id, file: file, byteCount: UInt64(SegmentHeader.byteCount), frameCount: 0,
      byteCountMax: SegmentLimits.segmentByteCount(
        storedByteCount: core.keeper.storedByteCount))
    open = segment
    return segment
  }

  var ids: [SegmentID] { begun.map(\.id) }

  /// Gives up all copies: what they took is free again at once.
  func abandon() {
    for host in begun {
      // A collection removes the file itself later, whatever its byte count.
      try? host.file.truncate(to: UInt64(SegmentHeader.byteCount))
    }
  }

  private func finish(_ segment: OpenSegment) throws(SystemError) {
    if segment.hasBundle { try segment.writeBundle(lsn: core.journal.lastLSN) }
    try segment.file.sync()
    ends.append(
      SegmentEnd(
        segment: segment.id, domain: domain, byteCount: segment.writtenByteCount,
        frameCount: segment.writtenFrameCount))
    open = nil
  }

  /// Makes all copies durable.
  func finish() throws(StoreError) {
    do throws(SystemError) {
      if let segment = open { try finish(segment) }
    } catch {
      throw StoreError(error, while: "syncing copied frames")
    }
  }
}
