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
