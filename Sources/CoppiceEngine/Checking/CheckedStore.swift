internal import CoppiceFormat
internal import CoppicePlatform

/// A store as checks see it: what is looked up is looked up in the tables as they are now, because
/// collections move frames meanwhile.
struct CheckedStore {
  let disk: any Disk
  let superblock: Superblock
  let files: SegmentFiles
  let retired: RetiredTable
  /// The catalogue as it is now.
  let current: () -> CatalogueState
  /// Whether a segment file that the catalogue does not list may be there all the same.
  let isUnpublished: (SegmentID) -> Bool

  private static let cacheByteCount = 32 << 20

  /// Nothing that was read before the check may answer for the disk.
  func makeReader() -> FrameReader {
    FrameReader(
      pageByteCount: superblock.pageByteCount, secret: HashSecret(bytes: superblock.secret),
      buffers: PageBufferPool(pageByteCount: superblock.pageByteCount), files: files,
      retired: RetiredFrames(
        files: files, directories: DirectoryCache(byteCount: Self.cacheByteCount), table: retired),
      pageCacheByteCount: Self.cacheByteCount, nodeCacheByteCount: Self.cacheByteCount)
  }

  /// Has a segment looked at: the file that has its name now, whatever file others have open. One
  /// that collections have removed is gone; one that is missing is a finding.
  func look(
    at segment: SegmentEntry, _ findings: FindingList,
    _ body: (any DiskFile) throws(StoreError) -> SegmentWalk.Outcome
  ) throws(StoreError) -> SegmentWalk.Outcome {
    let path = SegmentFiles.path(segment.id)
    let file: any DiskFile
    do throws(SystemError) { file = try disk.open(path, .read) } catch {
      if !error.isMissing {
        findings.add(path, StoreError(error, while: "opening it"))
      } else if current().segments[segment.id] == nil {
        return .gone
      } else {
        findings.add(
          path, "the segment is missing", partOf: segment,
          ordinals: 0..<max(1, segment.frameCount))
      }
      return .done
    }
    return try body(file)
  }

  var segmentWalk: SegmentWalk { SegmentWalk { current().segments } }
}

extension Checks {
  /// This store as checks see it.
  var checkedStore: CheckedStore {
    CheckedStore(
      disk: core.disk, superblock: core.superblock, files: core.files, retired: core.retired.table,
      current: { [core] in core.keeper.catalogue },
      isUnpublished: { [core] id in
        id.rawValue >= core.keeper.read { $0.catalogue.nextSegment } || core.domain(of: id) != nil
      })
  }
}
