package import Coppice

/// The number by which the kernel knows a file of the mount: which branch (24 bits, given out by
/// the mount), and which file in it (40 bits).
///
/// A branch that is reset gets another index, so that nothing the kernel knows of its files before
/// can be mistaken for what they are now.
package struct NodeID: Hashable, Sendable {
  package let rawValue: UInt64

  private static let fileBitCount: UInt64 = 40
  static let indexMax: UInt32 = (1 << 24) - 1
  /// The directory of all branches.
  package static let top = NodeID(rawValue: 1)

  package init(rawValue: UInt64) { self.rawValue = rawValue }

  package init(_ index: UInt32, _ file: FileID) {
    rawValue = UInt64(index) << Self.fileBitCount | file.rawValue
  }

  package var index: UInt32 { UInt32(truncatingIfNeeded: rawValue >> Self.fileBitCount) }
  package var file: FileID { FileID(rawValue: rawValue & (1 << Self.fileBitCount - 1)) }
}

/// The inode number that programs see: a file of a branch has it as long as it lives, in every
/// mount.
///
/// It is the number of the entry in 24 bits and that of the file in 40. Entries are numbered in the
/// order in which they are made, so only a store that has made 16,777,215 of them begins again, and
/// has two with the same inode numbers if both are still there.
package struct InodeNumber: Hashable, Sendable {
  package let rawValue: UInt64

  private static let fileBitCount: UInt64 = 40
  private static let entryCount: UInt64 = (1 << 24) - 1
  /// Of the directory of all branches, which no entry has.
  package static let top = InodeNumber(rawValue: 1)

  package init(rawValue: UInt64) { self.rawValue = rawValue }

  /// - Parameter entry: `FileTree.id`, from 1 on.
  package init(entry: UInt64, _ file: FileID) {
    let slot = (entry &- 1) % Self.entryCount + 1
    rawValue = slot << Self.fileBitCount | file.rawValue
  }

  init(_ file: FileID, of tree: FileTree) { self.init(entry: tree.id, file) }

  /// Whether it is that of a file of the tree.
  func isFile(of tree: FileTree) -> Bool {
    rawValue >> Self.fileBitCount == InodeNumber(.root, of: tree).rawValue >> Self.fileBitCount
  }
}
