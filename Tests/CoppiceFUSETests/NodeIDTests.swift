import Coppice
import Testing

@testable import CoppiceFUSE

@Suite struct NodeIDTests {
  @Test func `a node number holds the branch and the file`() {
    let node = NodeID(0xABCDEF, FileID(rawValue: (1 << 40) - 1))
    #expect(node.index == 0xABCDEF)
    #expect(node.file.rawValue == (1 << 40) - 1)
    #expect(NodeID(0, .root) == .top)
  }
}
