internal import Coppice
internal import CoppiceEngine
internal import CoppicePostgreSQL
internal import Synchronization

/// Adds up what files come to, from many threads.
final class Tally: Sendable {
  struct Sums: Sendable {
    var kinds: [ContentKind: EstimateReport.Kind] = [:]
    var baseline = EstimateReport.Stored()
    var branch = EstimateReport.Stored()
    var changed = ChangedBlocks()
    /// Bytes of files that changed, all of each.
    var changedFileByteCount: UInt64 = 0
    /// Files of logs that changed or are new.
    var changedLog: Set<BranchPath> = []
  }

  private let places: ClusterPlaces
  private let sums = Mutex(Sums())

  init(_ places: ClusterPlaces) { self.places = places }

  var result: Sums { sums.withLock { $0 } }

  func add(_ file: EstimatedFile, _ outcome: EstimatedFile.Outcome, _ head: [UInt8]) {
    if file.after?.isFurtherName ?? file.before?.isFurtherName ?? false { return }
    let kind = places.kind(of: file.path, head: head)
    sums.withLock { sums in
      sums.baseline.add(outcome.baseline)
      sums.branch.add(outcome.branch)
      sums.changed.add(outcome.changed)
      var own = sums.kinds[kind] ?? EstimateReport.Kind(kind: kind)
      if let after = file.after, after.kind == .regular {
        own.fileCount += 1
        own.byteCount += after.byteCount
        if outcome.hasChanged || file.before?.kind != .regular { own.changedFileCount += 1 }
        if outcome.hasChanged { sums.changedFileByteCount += after.byteCount }
        if outcome.hasChanged, kind == .postgreSQL(.wal) { sums.changedLog.insert(file.path) }
      } else {
        own.removedFileCount += 1
      }
      own.changedPageCount += outcome.changed.pageCount
      own.changedByteCount += outcome.changed.byteCount(ofUnit: ChangedBlocks.pageByteCount)
      own.storedByteCount += outcome.branch.storedByteCount
      sums.kinds[kind] = own
    }
  }
}
