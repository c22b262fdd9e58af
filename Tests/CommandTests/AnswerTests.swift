import Foundation
import TestSupport
import Testing

/// The shapes of JSON answers, which scripts rely on, and what people see.
@Suite struct AnswerTests {
  private static func made() throws -> CoppiceCommand {
    let coppice = try CoppiceCommand()
    try coppice.makeTree()
    try coppice.check("import", "tree", "main")
    try coppice.check("branch", "create", "fork", "--from", "main")
    try coppice.folder.write("in", "other".utf8)
    try coppice.check("put", "fork:a/b/hello", input: coppice.folder("in"))
    try coppice.check("put", "fork:added", input: coppice.folder("in"))
    try coppice.check("rm", "fork:nothing")
    return coppice
  }

  @Test func `branches and snapshots are listed with times and origins`() throws {
    let coppice = try Self.made()
    try coppice.check("snapshot", "create", "main@one")
    let branches = try #require(
      try coppice.json("branch", "list")["branches"] as? [[String: Any]])
    #expect(branches.map { $0["name"] as? String } == ["fork", "main"])
    #expect(branches[0]["parent"] as? String == "main")
    let created = try #require(branches[0]["created"] as? String)
    #expect(created.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/) != nil)
    let snapshots = try #require(
      try coppice.json("snapshot", "list", "main")["snapshots"] as? [[String: Any]])
    #expect(snapshots.map { $0["name"] as? String } == ["main@one"])
    let shown = try coppice.json("branch", "show", "main")
    #expect(shown["snapshots"] as? [String] == ["main@one"])
    #expect((shown["fileCount"] as? Int ?? 0) > 3)
  }

  @Test func `a deleted branch is listed and comes back`() throws {
    let coppice = try Self.made()
    try coppice.check("branch", "delete", "fork")
    #expect(try coppice("ls", "fork").status == 3)
    let deleted = try #require(
      try coppice.json("branch", "list", "--deleted")["branches"] as? [[String: Any]])
    #expect(deleted.map { $0["name"] as? String } == ["fork"])
    try coppice.check("branch", "restore", "fork")
    #expect(try coppice.check("cat", "fork:added").text == "other")
  }

  @Test func `rename and reset move branches`() throws {
    let coppice = try Self.made()
    try coppice.check("branch", "rename", "fork", "trial")
    try coppice.check("branch", "reset", "trial", "--to", "main", "--keep-old", "kept")
    #expect(try coppice("diff", "main", "trial", "--exit-code").status == 0)
    #expect(try coppice.check("cat", "kept:added").text == "other")
  }

  @Test func `a difference lists files and bytes`() throws {
    let coppice = try Self.made()
    let diff = try coppice.json("diff", "main", "fork", "--pages")
    let items = try #require(diff["items"] as? [[String: Any]])
    let changes = items.map { "\($0["change"] ?? "") \($0["path"] ?? "")" }
    #expect(changes.contains("added added"))
    #expect(changes.contains("removed nothing"))
    #expect(changes.contains("changed a/b/hello"))
    let hello = try #require(items.first { $0["path"] as? String == "a/b/hello" })
    #expect(hello["changedPageCount"] as? Int == 1)
    #expect((hello["pages"] as? [[String: Int]]) == [["firstPage": 0, "pageCount": 1]])
    #expect(diff["addedCount"] as? Int == 1)
    #expect(diff["removedCount"] as? Int == 1)
  }

  @Test func `listings tell kinds, links and names that are no text`() throws {
    let coppice = try Self.made()
    let entries = try #require(try coppice.json("ls", "main")["entries"] as? [[String: Any]])
    let byName = Dictionary(
      uniqueKeysWithValues: entries.map { ($0["name"] as? String ?? "", $0) })
    #expect(byName["soft"]?["target"] as? String == "a/b/hello")
    #expect(byName["soft"]?["kind"] as? String == "symbolicLink")
    #expect(byName["pipe"]?["kind"] as? String == "fifo")
    #expect(byName["sparse"]?["byteCount"] as? Int == 20 << 20)
    #expect(byName["hard"]?["linkCount"] as? Int == 2)
    #expect(entries.contains { $0["nameBase64"] as? String == "//4=" })
    #expect(try coppice.check("ls", "main").text.contains("new\\nline"))
  }

  @Test func `usage tells shared from exclusive bytes`() throws {
    let coppice = try Self.made()
    let usage = try #require(try coppice.json("du")["entries"] as? [[String: Any]])
    #expect(usage.map { $0["name"] as? String } == ["fork", "main"])
    for entry in usage {
      #expect((entry["logicalByteCount"] as? Int ?? 0) > 20 << 20)
      #expect((entry["sharedByteCount"] as? Int ?? 0) > 0)
    }
    let freed = try coppice.json("du", "--if-deleted", "main", "fork")
    #expect((freed["freedByteCount"] as? Int ?? 0) > 100_000)
  }

  @Test func `collecting garbage gives space back and forgets deleted branches`() throws {
    let coppice = try Self.made()
    try coppice.script("mkdir other; head -c 9M /dev/urandom > other/noise")
    try coppice.check("import", "other", "other")
    try coppice.check("branch", "delete", "other")
    let before = try #require(try coppice.json("stats")["storedByteCount"] as? Int)
    let plan = try coppice.json("gc", "--dry-run", "--full")
    #expect((plan["deadByteCount"] as? Int ?? 0) > 9_000_000)
    #expect(try coppice.json("stats")["storedByteCount"] as? Int == before)
    try coppice.check("gc", "--full")
    let after = try #require(try coppice.json("stats")["storedByteCount"] as? Int)
    #expect(after < before - 9_000_000)
    #expect(try coppice("branch", "restore", "other").status == 3)
    #expect(try coppice.check("cat", "fork:a/b/hello").text == "other")
  }

  @Test func `statistics are integers with stable names`() throws {
    let coppice = try Self.made()
    let stats = try coppice.json("stats")
    let names = [
      "logicalByteCount", "uniqueByteCount", "storedByteCount", "journalByteCount",
      "garbageByteCount", "branchCount", "snapshotCount",
    ]
    for name in names { #expect(stats[name] is Int, "\(name)") }
    #expect(stats["branchCount"] as? Int == 2)
  }

  @Test func `every command and its help have an example`() throws {
    let coppice = try CoppiceCommand(makesStore: false)
    let verbs = [
      "init", "import", "export", "branch create", "branch list", "branch show",
      "branch delete", "branch rename", "branch reset", "branch restore", "snapshot create",
      "snapshot list", "snapshot delete", "ls", "cat", "put", "rm", "diff", "du", "stats", "gc",
      "inspect superblock", "inspect catalogue", "inspect journal", "inspect segment",
      "inspect node", "check", "scrub",
    ]
    for verb in verbs {
      let words = verb.split(separator: " ").map(String.init)
      let help = try coppice.program.check(words + ["--help"]).text
      #expect(help.contains("Example"), "\(verb)")
      #expect(help.contains("coppice \(verb)"), "\(verb)")
      #expect(help.contains("--json"), "\(verb)")
    }
  }

  @Test func `nothing is written to standard error when there is no terminal`() throws {
    let coppice = try CoppiceCommand()
    try coppice.makeTree()
    #expect(try coppice.check("import", "tree", "main").errors == "")
    #expect(try coppice.check("export", "main", "out").errors == "")
  }
}
