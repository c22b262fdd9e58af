import Foundation
import Glibc
import TestSupport
import Testing

/// Branches that are deleted for good, by the command.
@Suite struct DeletionCommandTests {
  private static func made() throws -> CoppiceCommand {
    let coppice = try CoppiceCommand()
    try coppice.script("mkdir tree; head -c 12M /dev/urandom > tree/noise")
    try coppice.check("import", "tree", "main")
    try coppice.script("mkdir own; head -c 4M /dev/urandom > own/noise")
    return coppice
  }

  /// Alone, and asked of a server that is killed.
  @Test(arguments: [false, true])
  func `a killed deletion for good leaves the branch whole, or is known and goes on`(
    _ isServed: Bool
  ) throws {
    let coppice = try Self.made()
    var goneCount = 0
    for round in 0..<10 {
      try coppice.check("import", "own", "doomed")
      let server = isServed ? try ServingCoppice(coppice) : nil
      let running = try coppice.program.start(
        ["branch", "delete", "doomed", "--now"], in: coppice.folder.path)
      // As far as it comes while another program runs.
      try coppice.script("seq \(1 + round * 80000) | sort > /dev/null")
      if let server { try server.end(SIGKILL) } else { running.send(signal: SIGKILL) }
      _ = try running.wait()
      if try coppice("ls", "doomed").status != 0 {
        goneCount += 1
        let status = try coppice("reclaim", "verify", "doomed").status
        #expect(status == 0 || status == 2)
      } else {
        try coppice.check("branch", "delete", "doomed", "--now")
      }
      // Any command that writes goes on with it.
      try coppice.check("branch", "create", "next-\(round)")
      let proof = try coppice("reclaim", "verify", "doomed")
      #expect(proof.status == 0, "round \(round): \(proof.text)")
      try coppice.check("check")
    }
    #expect(goneCount > 0)
  }

  @Test func `who keeps what a branch shares is named, before and after its deletion`() throws {
    let coppice = try Self.made()
    try coppice.check("branch", "create", "trial", "--from", "main")
    try coppice.check("snapshot", "create", "trial@kept")
    try coppice.check("snapshot", "delete", "trial@kept")
    let freed = try coppice.json("du", "--if-deleted", "trial")
    let plan = try coppice.json("branch", "delete", "trial", "--now", "--dry-run")
    let text = try coppice.check("du", "--if-deleted", "trial").text
    #expect(text.hasPrefix("Deleting trial would free 0 B\n"))
    let done = try coppice.json("branch", "delete", "trial", "--now")
    let proof = try coppice.json("reclaim", "verify", "trial")
    for answer in [freed, plan, done, proof] {
      let sharers = try #require(answer["sharers"] as? [[String: Any]])
      #expect(sharers.map { $0["name"] as? String } == ["main", "trial@kept"])
      #expect(sharers.map { $0["holder"] as? String } == ["branch", "deleted"])
      #expect(sharers[0]["restoreWindowEndsAt"] is NSNull)
      #expect((sharers[1]["restoreWindowEndsAt"] as? String)?.hasSuffix("Z") == true)
    }
    for answer in [freed, plan, done] {
      #expect(answer["freedByteCount"] as? Int == 0)
      #expect(answer["sharedByteCount"] as? Int ?? 0 > 12_000_000)
    }
    let verified = try coppice("reclaim", "verify", "trial")
    #expect(verified.status == 0)
    #expect(verified.text.hasPrefix("Nothing that trial held was its alone"))
    #expect(verified.text.contains("  branch main\n"))
    #expect(verified.text.contains("trial@kept, deleted, which can be restored until 2"))
    #expect(!verified.text.contains("0 B"))
  }

  @Test func `a branch with snapshots is refused with the flag that deletes them`() throws {
    let coppice = try Self.made()
    try coppice.check("snapshot", "create", "main@kept")
    let refusal = try coppice("branch", "delete", "main")
    #expect(refusal.status != 0)
    #expect(refusal.errors.contains("main@kept") && refusal.errors.contains("--snapshots"))
    try coppice.check("branch", "delete", "main", "--snapshots", "--now")
    #expect(try coppice("reclaim", "verify", "main").status == 0)
    #expect(try coppice("reclaim", "verify", "main@kept").status == 0)
  }

  /// Alone, and asked of a server.
  @Test(arguments: [false, true])
  func `what was deleted goes for good by its name, with a proof`(_ isServed: Bool) throws {
    let coppice = try Self.made()
    let server = isServed ? try ServingCoppice(coppice) : nil
    for _ in 0..<3 {
      try coppice.check("import", "own", "doomed")
      try coppice.check("branch", "delete", "doomed")
    }
    #expect(try coppice.failure("branch", "delete", "doomed").status == 3)
    let several = try coppice.failure(
      "branch", "delete", "doomed", "--now", "--proof", "p.json", "--dry-run")
    #expect(several.status == 4 && several.message.contains("several deleted branches"))
    #expect(
      try coppice.failure("branch", "delete", "doomed", "--now", "--proof", "p.json").status == 4)
    try coppice.check("branch", "restore", "doomed", "--as", "one")
    let plan = try coppice.json("branch", "delete", "doomed", "--now", "--if-exists", "--dry-run")
    #expect(plan["entries"] as? [String] == ["doomed", "doomed"])
    let done = try coppice.json("branch", "delete", "doomed", "--now", "--if-exists")
    #expect(done["entries"] as? [String] == ["doomed", "doomed"])
    #expect(done["isReclaimed"] as? Bool == true)
    #expect(try coppice.failure("branch", "restore", "doomed").status == 3)
    try coppice.check("snapshot", "create", "one@kept")
    try coppice.check("branch", "delete", "one", "--snapshots")
    let proven = try coppice.json(
      "branch", "delete", "one", "--now", "--snapshots", "--proof", "p.json")
    #expect(proven["entries"] as? [String] == ["one", "one@kept"])
    #expect(try coppice.check("proof", "get", "one").text.isEmpty == false)
    #expect(
      try coppice.json("branch", "list", "--state", "deleted")["branches"] as? [String] == [])
    let none = try coppice.json("branch", "delete", "one", "--now", "--if-exists")
    #expect(none["entries"] as? [String] == [])
    try server?.end(SIGTERM)
  }

  @Test func `deleted snapshots are listed, and come back`() throws {
    let coppice = try Self.made()
    func snapshots(_ arguments: String...) throws -> [String] {
      let list = try coppice.json(all: ["snapshot", "list"] + arguments)["snapshots"]
      return try #require(list as? [[String: Any]]).compactMap { $0["name"] as? String }
    }
    for name in ["main@one", "main@two"] { try coppice.check("snapshot", "create", name) }
    try coppice.check("branch", "create", "other", "--from", "main")
    try coppice.check("snapshot", "create", "other@three")
    try coppice.check("snapshot", "delete", "main@one")
    try coppice.check("branch", "delete", "other", "--snapshots")
    #expect(try snapshots() == ["main@two"])
    #expect(try snapshots("--state", "deleted") == ["main@one", "other@three"])
    #expect(try snapshots("main", "--state", "all") == ["main@one", "main@two"])
    #expect(try snapshots("other", "--state", "deleted") == ["other@three"])
    #expect(try coppice.failure("snapshot", "list", "other").status == 3)
    #expect(try coppice.failure("snapshot", "list", "none", "--state", "deleted").status == 3)
    let unknown = try coppice.failure("branch", "restore", "main@nothing-like-it")
    #expect(unknown.remedy.contains("snapshot list --state deleted"))
    try coppice.check("branch", "restore", "main@one")
    try coppice.check("branch", "restore", "other")
    try coppice.check("branch", "restore", "other@three")
    #expect(try snapshots() == ["main@one", "main@two", "other@three"])
    #expect(try snapshots("--state", "deleted") == [])
  }

  @Test func `the summary of a store tells of changes that only the journal has`() throws {
    let coppice = try Self.made()
    let server = try ServingCoppice(coppice)
    try coppice.check("put", "main:new", input: coppice.folder("own/noise"))
    let total = try #require(try coppice.json("du")["total"] as? [String: Any])
    let unsealed = try #require(total["unsealedByteCount"] as? Int)
    #expect(try coppice.check("du").text.contains("besides: changes") == (unsealed > 0))
    try server.end(SIGTERM)
    let sealed = try #require(try coppice.json("du")["total"] as? [String: Any])
    #expect(sealed["unsealedByteCount"] as? Int == 0)
  }
}
