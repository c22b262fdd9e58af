internal import CoppiceFormat
internal import CoppicePlatform

/// A store as checks see it: what is looked up is looked up in the tables as they are now, because
/// collections move frames meanwhile.
struct CheckedStore {
  let disk: any Disk
  let superblock: Superblock
  let segmentStore: SegmentStore
  let retired: RetiredTable
  /// The catalogue as it is now.
  let current: () -> CatalogueState
  /// Whether a segment file that the catalogue does not list may be there all the same.
  let isUnpublished: (SegmentID) -> Bool

  private static let cacheByteCount = 32 << 20

  /// Nothing that was read before the check may answer for the disk.
  func makeReader() -> FrameReader {
    let own = segmentStore.forgettingDirectories(directoryByteCountMax: Self.cacheByteCount)
    return FrameReader(
      pageByteCount: superblock.pageByteCount, secret: HashSecret(bytes: superblock.secret),
      buffers: PageBufferPool(pageByteCount: superblock.pageByteCount), segmentStore: own,
      retired: RetiredFrames(own, table: retired),
      caches: FrameCaches(
        pageByteCount: superblock.pageByteCount, pageCacheByteCount: Self.cacheByteCount,
        nodeCacheByteCount: Self.cacheByteCount))
  }

  /// Has a segment looked at: the file that has its name now, whatever file others have open. One
  /// that collections have removed is gone; one that is missing is a finding.
  func look(
    at segment: SegmentEntry, _ findings: FindingList,
    _ body: (SegmentHandle) throws(StoreError) -> SegmentWalk.Outcome
  ) throws(StoreError) -> SegmentWalk.Outcome {
    let path = SegmentStore.path(segment.id)
    let handle: SegmentHandle
    do throws(SegmentError) { handle = try segmentStore.find(segment.id) } catch {
      guard case .missing = error else {
        findings.add(path, StoreError(error, while: "opening it"))
        return .done
      }
      if current().segments[segment.id] == nil { return .gone }
      findings.add(
        path, error.message, partOf: segment, ordinals: 0..<max(1, segment.frameCount))
      return .done
    }
    return try body(handle)
  }

  var segmentWalk: SegmentWalk { SegmentWalk { current().segments } }
}

extension Checks {
  /// This store as checks see it.
  var checkedStore: CheckedStore {
    CheckedStore(
      disk: core.disk, superblock: core.superblock, segmentStore: core.segmentStore,
      retired: core.retired.table,
      current: { [core] in core.keeper.catalogue },
      isUnpublished: { [core] id in
        id.rawValue >= core.keeper.read { $0.catalogue.nextSegment } || core.domain(of: id) != nil
      })
  }
}
