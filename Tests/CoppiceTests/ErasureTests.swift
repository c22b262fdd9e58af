import Coppice
import CoppiceEngine
import Glibc
import TestSupport
import Testing

/// What only a deleted branch held, looked for in every byte of the store's directory.
@Suite struct ErasureTests {
  /// A line that no other line of any file has, in a form that does not compress.
  private static func lines(_ mark: String, count: Int) -> [UInt8] {
    Array((0..<count).map { "\(mark) \($0)\n" }.joined().utf8)
  }

  /// The files with that text in them.
  private func files(with text: String, _ fixture: StoreFixture) throws -> [String] {
    let pattern = Array(text.utf8)
    return try fixture.disk.fileNames().filter { name in
      Self.find(pattern, in: try fixture.disk.contents(of: name))
    }
  }

  private static func find(_ pattern: [UInt8], in bytes: [UInt8]) -> Bool {
    bytes.withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress else { return false }
      var place = 0
      while place + pattern.count <= bytes.count,
        let next = memchr(start + place, Int32(pattern[0]), bytes.count - place - pattern.count + 1)
      {
        if memcmp(next, pattern, pattern.count) == 0 { return true }
        place = UnsafeRawPointer(next) - start + 1
      }
      return false
    }
  }

  private func flushed(_ branch: Branch, _ files: [(String, [UInt8])]) throws {
    for (path, bytes) in files { try branch.writeFile(BranchPath(path), bytes) }
    try branch.flush()
  }

  @Test func `nothing that only a branch held is in any file once it is deleted for good`() throws {
    let fixture = try StoreFixture()
    let main = try fixture.store.createBranch("main")
    let doomed = try fixture.store.createBranch("doomed")
    // Records of both share journal files.
    for round in 0..<40 {
      try flushed(doomed, [("secretname\(round)", Self.lines("marked \(round)", count: 500))])
      try flushed(main, [("kept\(round)", Self.lines("kept \(round)", count: 50))])
    }
    #expect(try !files(with: "marked 7 ", fixture).isEmpty)
    #expect(try !files(with: "secretname", fixture).isEmpty)
    let foretold = try fixture.store.spaceFreed(deleting: ["doomed"]).freedByteCount
    #expect(foretold >= 40 * 5000)
    #expect(try fixture.store.usage(["doomed"])[0].exclusiveByteCount == foretold)
    let summary = try #require(try fixture.store.deleteForGood(["doomed"]))
    #expect(summary.freedByteCount == foretold)
    #expect(summary.journalByteCount == 0)
    #expect(try files(with: "marked", fixture) == [])
    #expect(try files(with: "secretname", fixture) == [])
    let proof = try fixture.store.verifyReclaim(of: "doomed")
    #expect(proof.isReclaimed && proof.uniqueByteCount == foretold)
    try fixture.crash(seed: 1)
    #expect(try files(with: "marked", fixture) == [])
    #expect(try fixture.store.verifyReclaim(of: "doomed").isReclaimed)
    let again = try fixture.store.branch("main")
    for round in 0..<40 {
      #expect(
        try again.read(again.lookup(BranchPath("kept\(round)")))
          == Self.lines("kept \(round)", count: 50))
    }
    #expect(try fixture.store.engine.checks.check().findings == [])
  }

  @Test(arguments: [false, true])
  func `a deletion for good takes what was deleted before, all of that name`(
    includingSnapshots: Bool
  ) throws {
    let fixture = try StoreFixture()
    let store = fixture.store
    for (name, mark) in [("doomed", "first"), ("doomed", "second"), ("other", "third")] {
      let branch = try store.createBranch(name)
      try flushed(branch, [("file", Self.lines(mark, count: 500))])
      try store.createSnapshot("\(name)@one")
      try flushed(branch, [("file", Self.lines("late \(mark)", count: 500))])
      let ended = fixture.clock.wallNanoseconds()
      try store.delete([name], includingSnapshots: true)
      fixture.clock.advance(byNanoseconds: 1_000_000_000)
      #expect(try store.entries(in: .deleted).last?.deletedAt?.nanoseconds == ended)
    }
    let deletions = try store.entries(in: .deleted)
    // A branch of that name is what is meant as long as there is one.
    try store.createBranch("doomed")
    #expect(try store.planForGood(["doomed"]).map(\.state) == [.live])
    _ = try store.deleteForGood(["doomed"])
    #expect(try store.entries(in: .deleted).map(\.id) == deletions.map(\.id))
    #expect(failure { _ = try store.deletionPlan(["doomed"]) }?.kind == .notFound)
    let plan = try store.planForGood(["doomed"], includingSnapshots: includingSnapshots)
    #expect(plan.count { !$0.isSnapshot } == 2)
    #expect(plan.count { $0.isSnapshot } == (includingSnapshots ? 2 : 0))
    let summary = try store.deleteForGood(["doomed"], includingSnapshots: includingSnapshots)
    #expect(summary?.freedByteCount ?? 0 > 1000)
    #expect(try files(with: "late first", fixture) == [])
    #expect(try files(with: "late second", fixture) == [])
    #expect(failure { try store.restore("doomed") }?.kind == .notFound)
    let times = deletions.filter { $0.name == "doomed" }.map(\.deletedAt)
    let found = try store.verifyReclaim(ofEntries: Set(plan.map(\.id)), named: "doomed")
    #expect(found.isReclaimed && Set(times).isSuperset(of: found.entries.map(\.deletedAt)))
    #expect(try store.deleteForGood(["doomed"], ignoringMissing: true) == nil)
    try fixture.crash(seed: 1)
    #expect(
      try fixture.store.entries(in: .deleted).map(\.name)
        == (includingSnapshots ? [] : ["doomed@one", "doomed@one"]) + ["other", "other@one"])
    try fixture.store.restore("other")
    let other = try fixture.store.branch("other")
    #expect(try other.read(other.lookup("file")) == Self.lines("late third", count: 500))
    #expect(try fixture.store.engine.checks.check().findings == [])
  }

  @Test func `what a fork shares stays its own, and the proof does not claim it`() throws {
    let fixture = try StoreFixture()
    let doomed = try fixture.store.createBranch("doomed")
    let shared = Self.lines("shared", count: 500)
    try flushed(doomed, [("shared", shared)])
    let fork = try fixture.store.createBranch("fork", from: "doomed")
    try flushed(doomed, [("own", Self.lines("marked", count: 500))])
    let summary = try #require(try fixture.store.deleteForGood(["doomed"]))
    #expect(summary.freedByteCount < 20 * 4096)
    #expect(try files(with: "marked", fixture) == [])
    #expect(try fork.read(fork.lookup("shared")) == shared)
    try fixture.crash(seed: 2)
    let again = try fixture.store.branch("fork")
    #expect(try again.read(again.lookup("shared")) == shared)
  }

  @Test func `the proof names what the journal may hold, and a full collection ends that`()
    throws
  {
    let fixture = try StoreFixture()
    try fixture.store.createBranch("main")
    let doomed = try fixture.store.createBranch("doomed")
    try flushed(doomed, [("secretname", Self.lines("marked", count: 5000))])
    try fixture.store.delete(["doomed"])
    _ = try fixture.store.collectGarbage()
    #expect(try !files(with: "marked", fixture).isEmpty)
    let early = try fixture.store.verifyReclaim(of: "doomed")
    #expect(!early.isReclaimed)
    #expect(early.held.map(\.holder) == [.journal])
    #expect(early.uniqueByteCount ?? 0 > 4000)
    _ = try fixture.store.collectGarbage(isFull: true)
    #expect(try files(with: "marked", fixture) == [])
    #expect(try fixture.store.verifyReclaim(of: "doomed").isReclaimed)
  }

  @Test func `a clean close leaves no journal for records to be in`() throws {
    let fixture = try StoreFixture()
    let doomed = try fixture.store.createBranch("doomed")
    try flushed(doomed, [("secretname", Self.lines("marked", count: 5000))])
    try fixture.store.delete(["doomed"])
    _ = try fixture.store.collectGarbage()
    try fixture.reopen()
    #expect(try files(with: "marked", fixture) == [])
    #expect(try fixture.store.verifyReclaim(of: "doomed").isReclaimed)
  }
}
