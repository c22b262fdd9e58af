/// What sealing stored, by how it was stored. Pages and bytes.
package struct SealCounts: Hashable, Sendable {
  package var holeCount = 0
  package var unchangedCount = 0
  package var deltaCount = 0
  package var duplicateCount = 0
  package var fullCount = 0
  package var nodeCount = 0
  package var deltaByteCount = 0
  package var fullByteCount = 0
  package var nodeByteCount = 0
  /// Stored bytes of pages that were found by hash or taken from other volumes, with what they may
  /// build on: the most that a branch can come to refer to by these.
  package var takenByteCount = 0
  /// Volumes that took the content of another.
  package var adoptedCount = 0
  /// Stored bytes of what the old state referred to and the new one does not, by whether it was
  /// there when the last collection began. Of large parts that went as a whole an estimate.
  package var replacedOldByteCount = 0
  package var replacedYoungByteCount = 0

  /// What was stored: pages and nodes.
  package var storedByteCount: UInt64 { UInt64(fullByteCount + deltaByteCount + nodeByteCount) }

  package init() {}

  package mutating func add(_ other: SealCounts) {
    holeCount += other.holeCount
    unchangedCount += other.unchangedCount
    deltaCount += other.deltaCount
    duplicateCount += other.duplicateCount
    fullCount += other.fullCount
    nodeCount += other.nodeCount
    deltaByteCount += other.deltaByteCount
    fullByteCount += other.fullByteCount
    nodeByteCount += other.nodeByteCount
    takenByteCount += other.takenByteCount
    adoptedCount += other.adoptedCount
    replacedOldByteCount += other.replacedOldByteCount
    replacedYoungByteCount += other.replacedYoungByteCount
  }
}
