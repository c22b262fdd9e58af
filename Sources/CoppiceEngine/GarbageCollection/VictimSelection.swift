internal import CoppiceFormat

/// Which segments a collection empties. Pure.
struct VictimSelection {
  let isFull: Bool
  let deadShareMin: Double
  let copiedByteCountMax: Int
  /// Segments with something that is to be gone at once.
  var due: Set<SegmentID> = []

  func victims(_ candidates: [SegmentCensus]) -> [SegmentCensus] {
    let newest = candidates.map(\.entry.id).max() ?? SegmentID(0)
    let worthwhile = candidates.filter { isWorthwhile($0) }
    if isFull { return worthwhile.sorted { $0.entry.id < $1.entry.id } }
    var chosen = worthwhile.filter { due.contains($0.entry.id) }
    var copied = chosen.reduce(0) { $0 + $1.liveByteCount }
    let rest = worthwhile.filter { !due.contains($0.entry.id) }
    for census in rest.sorted(by: { $0.benefit(newest: newest) > $1.benefit(newest: newest) }) {
      guard copied + census.liveByteCount <= copiedByteCountMax else { continue }
      copied += census.liveByteCount
      chosen.append(census)
    }
    return chosen.sorted { $0.entry.id < $1.entry.id }
  }

  private func isWorthwhile(_ census: SegmentCensus) -> Bool {
    if census.isWhollyDead { return true }
    // Only notes are left: they are copied once, together with others.
    if census.liveFrameCount == 0 { return census.deadFrameCount > 0 || !isHost(census) }
    guard census.deadFrameCount > 0 else { return false }
    return isFull || due.contains(census.entry.id) || census.deadShare >= deadShareMin
  }

  private func isHost(_ census: SegmentCensus) -> Bool { census.entry.flags.contains(.host) }
}
