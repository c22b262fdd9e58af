internal import CoppiceFormat
internal import CoppicePlatform

/// How much of a segment is live.
struct SegmentCensus: Sendable {
  var entry: SegmentEntry
  var liveFrameCount = 0
  var liveByteCount = 0
  var deadFrameCount = 0
  var deadByteCount = 0
  /// The home segments whose frames it holds: itself, or others if it is a host.
  var homes: Set<SegmentID> = []

  var deadShare: Double {
    let total = liveByteCount + deadByteCount
    return total == 0 ? 1 : Double(deadByteCount) / Double(total)
  }

  /// Space won for bytes copied, weighted by age (Rosenblum and Ousterhout 1991).
  func benefit(newest: SegmentID) -> Double {
    let used = 1 - deadShare
    let age = Double(newest.rawValue - min(newest.rawValue, entry.id.rawValue) + 1)
    return (1 - used) * age / (1 + used)
  }
}

/// Which segments a collection empties. Pure.
struct VictimSelection {
  let isFull: Bool
  let deadShareMin: Double
  let copiedByteCountMax: Int

  func victims(_ candidates: [SegmentCensus]) -> [SegmentCensus] {
    let newest = candidates.map(\.entry.id).max() ?? SegmentID(0)
    let worthwhile = candidates.filter {
      $0.liveFrameCount == 0 || ($0.deadFrameCount > 0 && (isFull || $0.deadShare >= deadShareMin))
    }
    if isFull { return worthwhile.sorted { $0.entry.id < $1.entry.id } }
    var chosen: [SegmentCensus] = []
    var copied = 0
    for census in worthwhile.sorted(by: { $0.benefit(newest: newest) > $1.benefit(newest: newest) })
    {
      guard copied + census.liveByteCount <= copiedByteCountMax else { continue }
      copied += census.liveByteCount
      chosen.append(census)
    }
    return chosen.sorted { $0.entry.id < $1.entry.id }
  }
}
