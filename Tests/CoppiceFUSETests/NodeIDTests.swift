import Coppice
import CoppiceFUSE
import Testing

@Suite struct NodeIDTests {
  @Test func `a node number holds the branch and the file`() {
    let node = NodeID(0xABCDEF, FileID(rawValue: (1 << 40) - 1))
    #expect(node.index == 0xABCDEF)
    #expect(node.file.rawValue == (1 << 40) - 1)
    #expect(NodeID(0, .root) == .top)
  }

  @Test func `an inode number is the entry's and the file's, and never that of the top`() {
    let file = FileID(rawValue: (1 << 40) - 1)
    let entries: [UInt64] = [1, 2, (1 << 24) - 1]
    let numbers = entries.map { InodeNumber(entry: $0, file).rawValue }
    #expect(numbers == entries.map { $0 << 40 | file.rawValue })
    for entry in [1, 1 << 24, (1 << 24) - 1, UInt64.max] as [UInt64] {
      #expect(InodeNumber(entry: entry, .root) != .top)
    }
    #expect(InodeNumber(entry: 1 << 24, .root) == InodeNumber(entry: 1, .root))
  }
}
