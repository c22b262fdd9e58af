import Coppice
import CoppiceEngine
import CoppiceFormat
import Synchronization
import Testing

@Suite struct OpenFileTests {
  let memory = MemoryBranch()
  var branch: Branch { memory.branch }

  @Test func `an open file outlives its last name and goes with its last close`() throws {
    let id = try branch.writeFile("a", [1, 2])
    let first = try branch.open(id)
    let second = try branch.open(id)
    try branch.remove("a", in: .root)
    #expect(try branch.attributes(of: id).linkCount == 0)
    try [UInt8]([3]).withUnsafeBytes { try first.write(at: 2, $0) }
    #expect(try branch.read(id) == [1, 2, 3])
    first.close()
    first.close()
    #expect(try branch.read(id) == [1, 2, 3])
    second.close()
    #expect(failure { _ = try branch.attributes(of: id) }?.kind == .notFound)
    #expect(try memory.space.attributes(of: id.volume) == nil)
    #expect(branch.openFileCount == 0)
  }

  @Test func `an open file that a rename replaces lives on too`() throws {
    let id = try branch.writeFile("a", [1])
    try branch.writeFile("b", [2])
    let file = try branch.open(id)
    try branch.rename("b", in: .root, to: "a", in: .root)
    #expect(try branch.read(id) == [1])
    file.close()
    #expect(failure { _ = try branch.read(id) }?.kind == .notFound)
  }

  @Test func `a file that is closed while its last name goes does not stay behind`() throws {
    let id = try branch.writeFile("a", [1])
    let file = try branch.open(id)
    try branch.transaction { changes throws(StoreError) in
      try changes.remove("a", in: .root)
      // As another thread does between the remover's look at who has it open and its commit.
      file.close()
    }
    #expect(failure { _ = try branch.read(id) }?.kind == .notFound)
    #expect(try memory.space.attributes(of: id.volume) == nil)
  }

  @Test func `a file that gets a name back is no orphan`() throws {
    let id = try branch.writeFile("a", [1])
    let file = try branch.open(id)
    try branch.remove("a", in: .root)
    try branch.link(id, as: "b", in: .root)
    file.close()
    #expect(try branch.read(id) == [1])
    #expect(try branch.attributes(of: id).linkCount == 1)
  }

  @Test func `orphans that a crash left go when the branch is opened again`() throws {
    let id = try branch.writeFile("a", [1])
    let file = try branch.open(id)
    try branch.remove("a", in: .root)
    let reopened = memory.reopened()
    #expect(try reopened.branch.read(id) == [1])
    try reopened.core.removeOrphans()
    #expect(failure { _ = try reopened.branch.read(id) }?.kind == .notFound)
    #expect(try reopened.core.checkNames() == [])
    withExtendedLifetime(file) {}
  }

  @Test func `whatever a kernel knows lives on without a name until it has forgotten it`() throws {
    let files = try [
      branch.writeFile("file", [1]),
      branch.createDirectory("directory", in: .root).file,
      branch.createSymbolicLink("link", in: .root, target: [65]).file,
      branch.createSpecialFile("pipe", in: .root, kind: .fifo).file,
    ]
    for file in files { for _ in 0..<3 { branch.retain(file) } }
    try branch.remove("file", in: .root)
    try branch.createDirectory("other", in: .root)
    try branch.rename("other", in: .root, to: "directory", in: .root)
    try branch.remove("link", in: .root)
    try branch.remove("pipe", in: .root)
    for file in files {
      #expect(!branch.release(file, count: 2))
      #expect(try branch.attributes(of: file).linkCount == 0)
    }
    #expect(try branch.symbolicLinkTarget(of: files[2]) == [65])
    #expect(branch.openFileCount == 0)
    #expect(try memory.core.checkNames() == [])
    #expect(branch.release(files[0]))
    branch.removeAbandoned([files[0]])
    // A kernel that is gone tells nothing.
    branch.releaseAll()
    for file in files {
      #expect(failure { _ = try branch.attributes(of: file) }?.kind == .notFound)
      #expect(!branch.isRetained(file))
    }
    #expect(try memory.core.checkNames() == [])
  }

  @Test func `a file that is open is kept by that when it is known no more`() throws {
    let id = try branch.writeFile("a", [1])
    let file = try branch.open(id)
    branch.retain(id)
    try branch.remove("a", in: .root)
    branch.releaseAll()
    #expect(try branch.read(id) == [1])
    file.close()
    #expect(failure { _ = try branch.read(id) }?.kind == .notFound)
  }

  @Test func `files of a replaced branch are stale`() throws {
    let id = try branch.writeFile("a", [1])
    let file = try branch.open(id)
    try memory.core.replace { () throws(StoreError) in
      memory.space.state.withLock { $0.volumes = [:] }
    }
    let error = failure { _ = try file.attributes() }
    #expect(error?.kind == .unavailable && error?.reason == .stale)
    #expect(failure { try file.flush() }?.reason == .stale)
    file.close()
    #expect(try branch.readDirectory(.root).isEmpty)
  }

  @Test func `a flush syncs through the file's last change and no further`() throws {
    let a = try branch.writeFile("a", [1])
    let flushed = { memory.space.state.withLock { $0.flushed } }
    let written = { memory.space.state.withLock { $0.lsn } }
    try branch.flush(a)
    #expect(flushed() == written())
    let before = written()
    let b = try branch.createFile("b", in: .root).file
    try branch.flush(b)
    #expect(flushed() == before + 1)
    try branch.rename("b", in: .root, to: "c", in: .root)
    try branch.flush(.root)
    #expect(flushed() == before + 2)
    try branch.write(a, at: 0, [2])
    try branch.flush()
    #expect(flushed() == before + 3)
    try branch.write(b, at: 0, [3])
    try branch.write(a, at: 0, [4])
    try branch.flush(b)
    #expect(flushed() == before + 4)
  }

  @Test func `a file that was opened before its volumes were replaced changes nothing of them`()
    throws
  {
    let file = try branch.open(branch.writeFile("a", [1]))
    // As a reset does between the write's look at the tree and its commit.
    memory.space.state.withLock { $0.generation += 1 }
    #expect(failure { try [2].withUnsafeBytes { try file.write(at: 0, $0) } }?.reason == .stale)
    #expect(failure { try file.truncate(to: 0) }?.reason == .stale)
    #expect(failure { try file.punchHole(0..<1) }?.reason == .stale)
    #expect(try branch.read(file.id) == [1])
  }

  @Test func `a failed transaction changes nothing and its files can be opened`() throws {
    let id = try branch.writeFile("a", [1])
    let before = memory.space.state.withLock { $0.volumes.mapValues(\.bytes) }
    let error = failure {
      try branch.transaction { changes throws(StoreError) in
        try changes.createFile("new", in: .root)
        try changes.write(id, at: 0, [9, 9, 9])
        try changes.remove("a", in: .root)
        try changes.remove("missing", in: .root)
      }
    }
    #expect(error?.kind == .notFound)
    memory.space.state.withLock { $0.commitsUntilFailure = 0 }
    let full = failure { try branch.remove("a", in: .root) }
    #expect(full?.kind == .full)
    memory.space.state.withLock { $0.commitsUntilFailure = nil }
    #expect(memory.space.state.withLock { $0.volumes.mapValues(\.bytes) } == before)
    #expect(try branch.open(id).attributes().linkCount == 1)
    #expect(try branch.read(id) == [1])
    #expect(try memory.core.checkNames() == [])
  }

  @Test func `a transaction sees its own changes and shows them together`() throws {
    let id = try branch.transaction { changes throws(StoreError) in
      let directory = try changes.createDirectories("x/y")
      let file = try changes.createFile("z", in: directory).file
      try changes.write(file, at: 5, [1])
      #expect(try changes.attributes(of: file).byteCount == 6)
      #expect(try changes.readDirectory(directory).map(\.file) == [file])
      #expect(failure { _ = try branch.lookup("x") }?.kind == .notFound)
      return file
    }
    #expect(try branch.lookup("x/y/z") == id)
    #expect(try branch.read(id) == [0, 0, 0, 0, 0, 1])
    #expect(memory.space.state.withLock { $0.lsn } == 1)
  }
}
