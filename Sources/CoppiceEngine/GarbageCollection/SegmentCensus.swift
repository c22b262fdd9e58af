internal import CoppiceFormat
internal import CoppicePlatform

/// How much of a segment is live. Notes are counted apart: they are there for repair only.
struct SegmentCensus: Sendable {
  var entry: SegmentEntry
  var liveFrameCount = 0
  var liveByteCount = 0
  var deadFrameCount = 0
  var deadByteCount = 0
  var liveNoteCount = 0
  /// The home segments whose frames it holds: itself, or others if it is a host.
  var homes: Set<SegmentID> = []

  init(entry: SegmentEntry) { self.entry = entry }

  mutating func add(_ frame: BundleDirectoryEntry, isLive: Bool) {
    if frame.form.kind == .note {
      if isLive { liveNoteCount += 1 }
    } else if isLive {
      liveFrameCount += 1
      liveByteCount += frame.storedByteCount
    } else {
      deadFrameCount += 1
      deadByteCount += frame.storedByteCount
    }
  }

  var deadShare: Double {
    let total = liveByteCount + deadByteCount
    return total == 0 ? 1 : Double(deadByteCount) / Double(total)
  }

  /// Whether nothing in it has to be copied.
  var isWhollyDead: Bool { liveFrameCount + liveNoteCount == 0 }

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
