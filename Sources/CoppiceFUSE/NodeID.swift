internal import Coppice

/// The number by which the kernel knows a file of the mount, and its inode number: which branch
/// (24 bits, given out by the mount), and which file in it (40 bits).
///
/// A branch that is reset gets another index, so that nothing the kernel knows of its files before
/// can be mistaken for what they are now.
struct NodeID: Hashable, Sendable {
  let rawValue: UInt64

  private static let fileBitCount: UInt64 = 40
  static let indexMax: UInt32 = (1 << 24) - 1
  /// The directory of all branches.
  static let top = NodeID(rawValue: 1)

  init(rawValue: UInt64) { self.rawValue = rawValue }

  init(_ index: UInt32, _ file: FileID) {
    rawValue = UInt64(index) << Self.fileBitCount | file.rawValue
  }

  var index: UInt32 { UInt32(truncatingIfNeeded: rawValue >> Self.fileBitCount) }
  var file: FileID { FileID(rawValue: rawValue & (1 << Self.fileBitCount - 1)) }
}
