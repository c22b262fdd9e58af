internal import CoppiceFormat
internal import CoppicePlatform

/// One file of the journal: allocated and zeroed, then filled with batches, then recycled.
///
/// States: prepared (no sequence; nothing in it counts) -> current (takes batches) -> used (holds
/// records that may still be needed) -> prepared. Recycling leaves the old batches where they are,
/// until new ones or an erasure overwrite them. Guarded by the journal's monitor, but for `file`.
final class JournalFile {
  let name: String
  let file: any DiskFile
  let capacity: UInt64
  let isControl: Bool
  var sequence: UInt64 = 0
  var generation: UInt64 = 0
  var firstLSN = LSN.zero
  var lastLSN = LSN.zero
  /// Where the next batch goes; 0 in a prepared file.
  var used: UInt64 = 0
  /// Behind `used` and up to here there may be batches of an earlier use.
  var staleEnd: UInt64 = 0
  var holdsWrites = false
  /// Set when a batch was placed and the header block is not written yet.
  var needsHeader = false

  init(name: String, file: any DiskFile, capacity: UInt64, isControl: Bool) {
    self.name = name
    self.file = file
    self.capacity = capacity
    self.isControl = isControl
  }

  func begin(sequence: UInt64, generation: UInt64, firstLSN: LSN) {
    self.sequence = sequence
    self.generation = generation
    self.firstLSN = firstLSN
    lastLSN = LSN(firstLSN.rawValue - 1)
    used = UInt64(JournalLimits.blockByteCount)
    holdsWrites = false
    needsHeader = true
  }

  /// Nothing in the file counts any more.
  func recycle() {
    staleEnd = max(staleEnd, used)
    used = 0
  }

  /// Bytes that may hold batches, whether they count or not.
  var heldByteCount: UInt64 { max(used, staleEnd) }

  /// Whether batches of an earlier use may be there.
  var isStale: Bool { staleEnd > used }

  /// Whether a checkpoint frees the file: `neededAbove` is the LSN above which an interval that the
  /// checkpoint lists still needs write records.
  func isFree(checkpoint: LSN, neededAbove: LSN) -> Bool {
    lastLSN <= checkpoint && (!holdsWrites || lastLSN <= neededAbove)
  }

  func fits(_ byteCount: Int) -> Bool { used + UInt64(byteCount) <= capacity }
}
