internal import CoppicePlatform

/// How many bytes of a new content lie in blocks that differ from the old one, for blocks of
/// several byte counts. What the old content does not have reads as zeros.
package struct ChangedBlocks: Hashable, Sendable {
  /// Ascending, each a multiple of the one before; the last divides what is compared at once.
  private static let unitByteCounts = [4 << 10, 8 << 10, 64 << 10, 128 << 10]

  /// The store's pages are such blocks.
  package static let pageByteCount = 8 << 10

  /// For each unit the bytes of its blocks that changed; blocks end with the content.
  private var byteCounts = [UInt64](repeating: 0, count: unitByteCounts.count)
  /// Blocks of 8 KiB that changed.
  package private(set) var pageCount: UInt64 = 0

  package init() {}

  /// Compares a stretch of two contents that begins at a multiple of the largest unit. Both have
  /// zeros behind their ends; `byteCount` are the new content's.
  package mutating func compare(
    _ old: UnsafeRawBufferPointer, _ new: UnsafeRawBufferPointer, byteCount: Int
  ) {
    let smallest = Self.unitByteCounts[0]
    var last = [Int](repeating: -1, count: byteCounts.count)
    for start in stride(from: 0, to: byteCount, by: smallest) {
      let end = min(start + smallest, new.count)
      let isEqual = UnsafeRawBufferPointer(rebasing: old[start..<end])
        .hasEqualBytes(as: UnsafeRawBufferPointer(rebasing: new[start..<end]))
      if isEqual { continue }
      for (index, unit) in Self.unitByteCounts.enumerated() where last[index] != start / unit {
        last[index] = start / unit
        byteCounts[index] += UInt64(min(unit, byteCount - start / unit * unit))
        if unit == Self.pageByteCount { pageCount += 1 }
      }
    }
  }

  /// - Precondition: the unit is one of those that are counted.
  package func byteCount(ofUnit unit: Int) -> UInt64 {
    guard let index = Self.unitByteCounts.firstIndex(of: unit) else {
      preconditionFailure("blocks of that many bytes are not counted")
    }
    return byteCounts[index]
  }

  package mutating func add(_ other: ChangedBlocks) {
    for index in byteCounts.indices { byteCounts[index] += other.byteCounts[index] }
    pageCount += other.pageCount
  }
}
