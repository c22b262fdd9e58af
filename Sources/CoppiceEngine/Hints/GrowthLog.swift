internal import CoppiceFormat

/// What branches stored over time, sampled at their seals, with fewer samples the longer ago.
struct GrowthLog: Sendable {
  private static let branchSampleCountMax = 128
  private static let sampleCountMax = 1 << 16

  private var branches: [BranchID: [GrowthHints.Sample]] = [:]
  private var sampleCount = 0
  private(set) var changeCount = 0

  init() {}

  init(_ hints: GrowthHints) {
    for branch in hints.branches { branches[branch.id] = branch.samples }
    sampleCount = branches.values.reduce(0) { $0 + $1.count }
  }

  var hints: GrowthHints {
    GrowthHints(
      branches: branches.sorted { $0.key < $1.key }.map {
        GrowthHints.Branch(id: $0.key, samples: $0.value)
      })
  }

  func samples(of branch: BranchID) -> [GrowthHints.Sample] { branches[branch] ?? [] }

  /// Bytes that the branch's seals have stored, as far as is known.
  func storedByteCount(of branch: BranchID) -> UInt64 {
    branches[branch]?.last?.storedByteCount ?? 0
  }

  mutating func add(_ counts: SealCounts, to branch: BranchID, at time: Int64) {
    var sample = branches[branch]?.last ?? GrowthHints.Sample(time: time)
    sample.time = time
    sample.storedByteCount += counts.storedByteCount
    sample.newPageCount += UInt64(counts.fullCount)
    sample.deltaPageCount += UInt64(counts.deltaCount)
    sample.duplicatePageCount += UInt64(counts.duplicateCount)
    sample.nodeByteCount += UInt64(counts.nodeByteCount)
    branches[branch, default: []].append(sample)
    sampleCount += 1
    changeCount += 1
    if branches[branch]?.count ?? 0 > Self.branchSampleCountMax { thin(branch) }
    if sampleCount > Self.sampleCountMax { for id in branches.keys { thin(id) } }
  }

  mutating func remove(_ ids: [BranchID]) {
    for id in ids {
      guard let samples = branches.removeValue(forKey: id) else { continue }
      sampleCount -= samples.count
      changeCount += 1
    }
  }

  /// Drops every other sample, never the newest.
  private mutating func thin(_ branch: BranchID) {
    guard let samples = branches[branch], samples.count > 1 else { return }
    let kept = samples.indices.filter { ($0 ^ samples.count) & 1 == 1 }.map { samples[$0] }
    sampleCount -= samples.count - kept.count
    branches[branch] = kept
  }
}
