import Coppice
import CoppiceEngine
import TestSupport
import Testing

@Suite struct TransactionTests {
  let memory = MemoryBranch()
  var branch: Branch { memory.branch }

  private struct Refusal: Error, Equatable {
    var count: Int
  }

  @Test func `content reads as the transaction's own changes make it`() throws {
    let id = try branch.writeFile("a", Array(repeating: 7, count: 20_000))
    for seed in UInt64(0)..<40 {
      var generator = SplitMix64(seed: seed)
      let seen = try branch.transaction { changes throws(StoreError) -> [UInt8] in
        for _ in 0..<8 { try change(id, by: changes, &generator) }
        let whole = try changes.read(id)
        let start = UInt64(generator.below(24_000))
        let part = try changes.read(id, at: start, byteCount: 3000)
        #expect(part == Array(whole.dropFirst(Int(start)).prefix(3000)))
        #expect(try changes.attributes(of: id).byteCount == UInt64(whole.count))
        return whole
      }
      #expect(try branch.read(id) == seen)
    }
  }

  private func change(
    _ file: FileID, by changes: FileTransaction, _ generator: inout SplitMix64
  ) throws(StoreError) {
    let offset = UInt64(generator.below(24_000))
    switch generator.below(4) {
    case 0: try changes.truncate(file, to: offset)
    case 1: try changes.punchHole(file, offset..<offset + UInt64(generator.below(9000)))
    default: try changes.write(file, at: offset, generator.bytes(1 + generator.below(6000)))
    }
  }

  @Test func `what a transaction makes can be read in it`() throws {
    try branch.transaction { changes throws(StoreError) in
      let directory = try changes.createDirectories("one/two")
      let file = try changes.createFile("three", in: directory).file
      try changes.write(file, at: 2, [1])
      try changes.setExtendedAttribute("user.b", of: file, to: [9])
      #expect(try changes.lookup("one/two/three") == file)
      #expect(try changes.read(file) == [0, 0, 1])
      #expect(try changes.read(file, at: 3) == [])
      #expect(try changes.extendedAttributeNames(of: file) == ["user.b"])
      #expect(try changes.extendedAttributeIfPresent("user.b", of: file) == [9])
      #expect(try changes.extendedAttributeIfPresent("user.c", of: file) == nil)
      #expect(failure { _ = try changes.read(directory) }?.reason == .isDirectory)
    }
  }

  @Test func `two threads that compare and set lose no change`() async throws {
    let id = try branch.writeFile("counter", [0, 0])
    let branch = branch
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<2 {
        group.addTask {
          for _ in 0..<200 {
            try branch.transaction { changes throws(StoreError) in
              let old = try changes.read(id)
              let sum = Int(old[0]) + Int(old[1]) * 256 + 1
              try changes.write(id, at: 0, [UInt8(sum & 255), UInt8(sum >> 8)])
            }
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(try branch.read(id) == [144, 1])
  }

  @Test func `an error of the caller's own leaves as it is, and nothing has happened`() throws {
    #expect(throws: Refusal(count: 3)) {
      try branch.transaction { changes in
        try changes.createFile("a", in: .root)
        throw Refusal(count: 3)
      }
    }
    #expect(try branch.readDirectory(.root).isEmpty)
    #expect(throws: StoreError.self) {
      try branch.transaction { changes in _ = try changes.lookup("a", in: .root) }
    }
    let count = try branch.transaction { changes in
      try changes.createFile("b", in: .root)
      return try changes.readDirectory(.root).count
    }
    #expect(count == 1)
    #expect(try branch.readDirectory(.root).count == 1)
  }

  @Test func `a change of the branch inside of a transaction of it traps`() async {
    await #expect(processExitsWith: .failure) {
      let branch = MemoryBranch().branch
      try branch.transaction { changes throws(StoreError) in
        try changes.createFile("a", in: .root)
        try branch.createFile("b", in: .root)
      }
    }
  }

  @Test func `a closed file says so, also after its branch was replaced`() throws {
    let fixture = try StoreFixture()
    let main = try fixture.store.createBranch("main")
    let file = try main.open(try main.writeFile("a", [1]))
    file.close()
    try fixture.store.createBranch("other")
    try fixture.store.reset("main", to: "other")
    let error = failure { _ = try file.attributes() }
    #expect(error?.kind == .invalid)
    #expect(error?.message == "the file was closed")
  }

  @Test func `content that does not fit into a transaction is refused with the limit`() throws {
    let main = try StoreFixture().store.createBranch("main")
    let error = failure { try main.writeFile("a", [UInt8](repeating: 1, count: 64 << 20)) }
    #expect(error?.kind == .invalid)
    #expect(error?.message.contains("over the limit of \(64 << 20)") == true)
    #expect(try main.readDirectory(.root).isEmpty)
  }
}
