import Coppice
import CoppiceEngine
import Synchronization
import TestSupport
import Testing

/// Removing trees of any size.
@Suite struct TreeRemovalTests {
  let memory = MemoryBranch()
  var branch: Branch { memory.branch }

  private let fileCount = 3000

  /// A tree of more names than one transaction removes, with one of several kinds.
  private func makeTree(_ branch: Branch) throws {
    let inner = try branch.createDirectories("tree/a/b/c")
    let a = try branch.lookup("tree/a")
    for start in stride(from: 0, to: fileCount, by: 500) {
      try branch.transaction { (changes) throws(StoreError) in
        for number in start..<start + 500 {
          let name = try FileName("file-\(number)")
          let file = try changes.createFile(name, in: number % 2 == 0 ? inner : a).file
          if number % 100 == 0 { try changes.write(file, at: 0, [1, 2, 3]) }
        }
      }
    }
    try branch.createSymbolicLink("link", in: a, target: [65])
    try branch.link(branch.lookup("tree/a/file-1"), as: "kept", in: .root)
  }

  @Test func `a large tree is removed in transactions of bounded size`() throws {
    try makeTree(branch)
    let a = try branch.lookup("tree/a")
    memory.space.state.withLock { $0.largestCommitByteCount = 0 }
    try branch.removeTree("tree", in: .root)
    #expect(try branch.readDirectory(.root).map(\.name) == ["kept"])
    #expect(try branch.attributes(of: branch.lookup("kept")).linkCount == 1)
    #expect(failure { _ = try branch.attributes(of: a) }?.kind == .notFound)
    #expect(try memory.core.checkNames() == [])
    // Volume 0, and nothing of what was removed.
    #expect(memory.space.state.withLock { $0.volumes.count } == 1)
    #expect(memory.space.state.withLock { $0.largestCommitByteCount } < 1 << 20)
  }

  @Test func `a removal that is called off leaves the rest to the next opening`() throws {
    try makeTree(branch)
    let a = try branch.lookup("tree/a")
    var askedCount = 0
    let error = failure {
      try branch.removeTree("tree", in: .root) {
        askedCount += 1
        return askedCount == 2
      }
    }
    #expect(error?.kind == .unavailable)
    #expect(askedCount == 2)
    #expect(try branch.readDirectory(.root).map(\.name) == ["kept"])
    #expect(try branch.attributes(of: a).kind == .directory)
    #expect(try memory.core.checkNames() == [])
    let again = memory.reopened()
    try again.core.removeOrphans()
    #expect(failure { _ = try again.branch.attributes(of: a) }?.kind == .notFound)
    #expect(again.space.state.withLock { $0.volumes.count } == 1)
  }

  @Test(arguments: [0, 1, 2])
  func `what is left of a removal is removed by the next opening`(commitCount: Int) throws {
    try makeTree(branch)
    memory.space.state.withLock { $0.commitsUntilFailure = commitCount }
    #expect(failure { try branch.removeTree("tree", in: .root) }?.kind == .full)
    memory.space.state.withLock { $0.commitsUntilFailure = nil }
    let names = try branch.readDirectory(.root).map(\.name)
    #expect(names == (commitCount == 0 ? ["kept", "tree"] : ["kept"]))
    #expect(try memory.core.checkNames() == [])
    let again = memory.reopened()
    try again.core.removeOrphans()
    #expect(try again.core.checkNames() == [])
    #expect(try again.branch.readDirectory(.root).map(\.name) == names)
    #expect(again.space.state.withLock { $0.volumes.count } == (commitCount == 0 ? 31 : 1))
  }

  @Test func `a file that is open keeps its content through the removal of its tree`() throws {
    try makeTree(branch)
    let file = try branch.open(branch.lookup("tree/a/b/c/file-2000"))
    try branch.removeTree("tree", in: .root)
    #expect(try branch.attributes(of: file.id).linkCount == 0)
    #expect(try branch.read(file.id) == [1, 2, 3])
    file.close()
    #expect(failure { _ = try branch.attributes(of: file.id) }?.kind == .notFound)
    #expect(try memory.core.checkNames() == [])
  }

  @Test func `what is moved out of a tree while it is removed stays`() throws {
    try makeTree(branch)
    let a = try branch.lookup("tree/a")
    memory.space.state.withLock { $0.commitsUntilFailure = 1 }
    #expect(failure { try branch.removeTree("tree", in: .root) }?.kind == .full)
    memory.space.state.withLock { $0.commitsUntilFailure = nil }
    try branch.rename("b", in: a, to: "saved", in: .root)
    let count = try branch.readDirectory(branch.lookup("saved/c")).count
    try memory.core.removeOrphans()
    #expect(try branch.readDirectory(branch.lookup("saved/c")).count == count)
    #expect(try branch.readDirectory(.root).map(\.name) == ["kept", "saved"])
    #expect(try memory.core.checkNames() == [])
  }

  @Test func `a deep tree is removed in one transaction too`() throws {
    try branch.transaction { (changes) throws(StoreError) in
      var directory = FileID.root
      for _ in 0..<3000 { directory = try changes.createDirectory("d", in: directory).file }
    }
    try branch.transaction { (changes) throws(StoreError) in
      try changes.removeTree("d", in: .root)
    }
    #expect(try branch.readDirectory(.root).isEmpty)
    #expect(try memory.core.checkNames() == [])
  }
}
