import Foundation
import Glibc
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
    let created = try #require(branches[0]["createdAt"] as? String)
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
      try coppice.json("branch", "list", "--state", "deleted")["branches"] as? [[String: Any]])
    #expect(deleted.map { $0["name"] as? String } == ["fork"])
    try coppice.check("branch", "restore", "fork")
    #expect(try coppice.check("cat", "fork:added").text == "other")
  }

  @Test func `modes are shown as ls shows them`() throws {
    let coppice = try CoppiceCommand()
    try coppice.script(
      """
      mkdir tree
      for mode in 0644 4755 2711 1777 7777 7000 4644; do
        touch tree/$mode; chmod $mode tree/$mode
      done
      """)
    try coppice.check("import", "tree", "main")
    let shown = try coppice.check("ls", "main").text.split(separator: "\n").dropFirst().map {
      $0.prefix { $0 != " " }
    }
    let listed = try coppice.script("ls -l tree | tail -n +2 | cut -c1-10").text
    #expect(shown == listed.split(separator: "\n"))
  }

  @Test func `an export to nothing says so`() throws {
    let coppice = try Self.made()
    let failure = try coppice.failure("export", "main", "")
    #expect(failure.status == 64 && failure.message.contains("empty"))
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
    #expect(byName[#"$'\xFF\xFE'"#]?["kind"] as? String == "file")
    #expect(try coppice.check("ls", "main").text.contains("new$'\\x0A'line"))
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

  @Test func `what the directory takes on disk is told as du tells it`() throws {
    let coppice = try Self.made()
    try coppice.script("mkdir other; head -c 20M /dev/urandom > other/noise")
    try coppice.check("import", "other", "other")
    let counted = try #require(
      Int(try coppice.script("du -s --block-size=1 store | cut -f 1").text.dropLast()))
    let told = try #require(try coppice.json("stats")["directoryByteCount"] as? Int)
    #expect(abs(told - counted) * 100 <= counted)
    #expect(try coppice.check("stats").text.contains("on disk"))
  }

  @Test func `one branch has no more different bytes than bytes`() throws {
    let coppice = try CoppiceCommand()
    try coppice.script(
      "mkdir tree; for i in $(seq 40); do echo $i > tree/$i; done; "
        + "head -c 70000 /dev/urandom > tree/x")
    try coppice.check("import", "tree", "main")
    for _ in 0..<3 {
      let stats = try coppice.json("stats")
      let logical = try #require(stats["logicalByteCount"] as? Int)
      let unique = try #require(stats["uniqueByteCount"] as? Int)
      #expect(unique > 0 && unique <= logical)
      try coppice.script(
        "head -c 9 /dev/urandom | dd of=tree/x bs=1 seek=9000 conv=notrunc status=none")
      try coppice.check("import", "--replace", "tree", "main")
    }
  }

  @Test func `times for people have no fractions of seconds`() throws {
    let coppice = try Self.made()
    try coppice.check("branch", "delete", "fork")
    for arguments in [
      ["branch", "list"], ["branch", "list", "--state", "deleted"], ["branch", "show", "main"],
      ["du"],
      ["du", "--history", "main"], ["gc", "--explain"], ["scrub"],
    ] {
      let text = try coppice.program.check(arguments + ["--store", coppice.folder("store")]).text
      #expect(text.firstMatch(of: /\d\d:\d\d:\d\d\./) == nil, "\(arguments)")
    }
  }

  @Test func `usage has one sum for garbage, and its list on request`() throws {
    let coppice = try Self.made()
    let short = try coppice.check("du").text
    #expect(short.components(separatedBy: "garbage").count == 2)
    #expect(!short.contains("held by branch"))
    #expect(try coppice("du", "--explain", "main").status == 64)
  }

  @Test func `the totals of usage add up and name who holds what`() throws {
    let coppice = try Self.made()
    let total = try #require(try coppice.json("du")["total"] as? [String: Any])
    let count = { (key: String) in total[key] as? Int ?? -1 }
    #expect(
      count("storedByteCount")
        == count("exclusiveByteCount") + count("sharedByteCount") + count("garbageByteCount")
        + count("metadataByteCount"))
    let time = try #require(total["countedAt"] as? String)
    #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/) != nil)
    let parts = try #require(total["parts"] as? [[String: Any]])
    #expect(Set(parts.compactMap { $0["name"] as? String }) == ["main", "fork"])
    #expect(try coppice.check("du", "--explain").text.contains("held by branch fork"))
    #expect(try coppice.json("du", "fork")["total"] is NSNull)
    let explained = try coppice.json("gc", "--dry-run", "--explain")
    #expect(explained["space"] is [String: Any])
    #expect(try coppice.check("gc", "--explain").text.contains("stored in all"))
  }

  @Test func `growth is told for every time that changes were written`() throws {
    let coppice = try Self.made()
    let history = try coppice.json("du", "--history", "fork", "main")
    let entries = try #require(history["entries"] as? [[String: Any]])
    #expect(entries.map { $0["name"] as? String } == ["fork", "main"])
    for entry in entries {
      let samples = try #require(entry["samples"] as? [[String: Any]])
      let stored = samples.compactMap { $0["storedByteCount"] as? Int }
      #expect(!stored.isEmpty && stored == stored.sorted() && stored[0] > 0)
      #expect(samples.allSatisfy { $0["sealedAt"] is String && $0["newPageCount"] is Int })
    }
    let store = try coppice.json("du", "--history")
    #expect((store["entries"] as? [Any])?.isEmpty == true && store["forecast"] is NSNull)
    let samples = try #require(store["store"] as? [[String: Any]])
    #expect(!samples.isEmpty)
    #expect(
      samples.allSatisfy {
        $0["sampledAt"] is String && $0["storedByteCount"] is Int && $0["freeByteCount"] is Int
          && $0["garbageByteCount"] is Int
      })
    let table = try coppice("du", "--history", "--csv").text.split(separator: "\r\n")
    #expect(table.first == "sampledAt,storedByteCount,garbageByteCount,freeByteCount")
    #expect(table.count == samples.count + 1)
    let own = try coppice("du", "--history", "fork", "--csv").text
    #expect(own.hasPrefix("name,sealedAt,storedByteCount,") && own.contains("\r\n\"fork\",2"))
    let forecast = try coppice("du", "--history", "--forecast", "main").text
    #expect(forecast.hasPrefix("main: no forecast yet"))
    for arguments in [["--csv"], ["--history", "--csv", "--json"], ["--forecast"]] {
      #expect(try coppice.run(["du"] + arguments).status == 64)
    }
    #expect(try coppice("du", "--history", "nobody").status == 3)
  }

  @Test func `a deletion is proved to have given its bytes back`() throws {
    let coppice = try Self.made()
    try coppice.script("mkdir other; head -c 3M /dev/urandom > other/noise")
    try coppice.check("import", "other", "other")
    #expect(try coppice("reclaim", "verify", "other").status == 4)
    #expect(try coppice("reclaim", "verify", "nobody").status == 3)
    try coppice.check("branch", "delete", "other")
    let early = try coppice("reclaim", "verify", "other")
    #expect(early.status == 2)
    #expect(early.text.contains("can be restored"))
    try coppice.check("gc", "--full")
    let proof = try coppice.json("reclaim", "verify", "other")
    #expect(proof["isReclaimed"] as? Bool == true)
    #expect(proof["collectionNumber"] as? Int == 1)
    #expect(proof["uniquePageCount"] as? Int ?? 0 >= 3 << 20 / 8192)
    #expect(proof["reclaimedByteCount"] as? Int ?? 0 > 3_000_000)
    #expect((proof["held"] as? [Any])?.isEmpty == true)
  }

  @Test func `a branch that must be gone now is, and frees what the dry run told`() throws {
    let coppice = try Self.made()
    try coppice.script("mkdir other; head -c 3M /dev/urandom > other/noise")
    try coppice.check("import", "other", "other")
    try coppice.check("branch", "create", "kept", "--from", "fork")
    try coppice.check("branch", "delete", "kept")
    let plan = try coppice.json("branch", "delete", "other", "--now", "--dry-run")
    let foretold = try #require(plan["freedByteCount"] as? Int)
    #expect(foretold > 3_000_000)
    #expect(plan["collection"] is NSNull)
    #expect(try coppice.check("cat", "other:noise").output.count == 3 << 20)
    let done = try coppice.json("branch", "delete", "other", "--now")
    #expect(done["entries"] as? [String] == ["other"])
    #expect(done["freedByteCount"] as? Int == foretold)
    let collection = try #require(done["collection"] as? [String: Any])
    #expect(collection["forgottenCount"] as? Int == 1)
    #expect(collection["reclaimedByteCount"] as? Int ?? 0 > 3_000_000)
    #expect(try coppice("branch", "restore", "other").status == 3)
    #expect(try coppice.json("reclaim", "verify", "other")["isReclaimed"] as? Bool == true)
    try coppice.check("branch", "restore", "kept")
    let none = try coppice.json("branch", "delete", "other", "--now", "--if-exists")
    #expect(none["freedByteCount"] as? Int == 0)
    #expect(try coppice.check("branch", "delete", "kept", "--now").text.contains("Freed "))
    try coppice.check("check")
  }

  /// With a server, which has the journal open, and without.
  @Test(arguments: [false, true])
  func `nothing of a branch that must be gone now is found in the store's files`(_ isServed: Bool)
    throws
  {
    let coppice = try CoppiceCommand()
    let server = isServed ? try ServingCoppice(coppice) : nil
    for name in ["main", "doomed"] { try coppice.check("branch", "create", name) }
    try coppice.script("for i in $(seq 5000); do echo marked $i $RANDOM; done > lines")
    try coppice.check("put", "main:kept", input: coppice.folder("lines"))
    try coppice.script("sed -i s/marked/secret/ lines")
    try coppice.check("put", "doomed:hiddenname", input: coppice.folder("lines"))
    #expect(isServed == (try coppice.script("grep -rl 'secret 77 ' store || true").text != ""))
    let done = try coppice.json("branch", "delete", "doomed", "--now")
    #expect(done["freedByteCount"] as? Int ?? 0 > 20_000)
    #expect(done["journalByteCount"] as? Int == 0)
    let found = try coppice.script(
      "grep -rlE 'secret 77 |hiddenname' store --exclude='*.log' || true")
    #expect(found.text == "")
    let proof = try coppice.json("reclaim", "verify", "doomed")
    #expect(proof["isReclaimed"] as? Bool == true)
    #expect(proof["uniqueByteCount"] as? Int == proof["reclaimedByteCount"] as? Int)
    #expect(try coppice.check("cat", "main:kept").text.contains("marked 77 "))
    try server?.end(SIGTERM)
    try coppice.check("check")
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
      "snapshot list", "snapshot delete", "domain create", "domain list", "ls", "cat", "put", "rm",
      "diff", "du", "stats", "gc",
      "reclaim verify", "inspect superblock", "inspect catalogue", "inspect journal",
      "inspect segment", "inspect node", "check", "scrub", "repair", "serve", "mount", "status",
      "stop",
    ]
    for verb in verbs {
      let words = verb.split(separator: " ").map(String.init)
      let help = try coppice.program.check(words + ["--help"]).text
      #expect(help.contains("Example"), "\(verb)")
      #expect(help.contains("coppice \(verb)"), "\(verb)")
      #expect(help.contains("--json"), "\(verb)")
    }
  }

  /// The names of all fields, at any depth. Those of a map are no names.
  private func keys(_ value: Any) -> Set<String> {
    switch value {
    case let list as [Any]: list.reduce(into: []) { $0.formUnion(keys($1)) }
    case let object as [String: Any]:
      object.reduce(into: []) { names, field in
        names.insert(field.key)
        if field.key != "records" { names.formUnion(keys(field.value)) }
      }
    default: []
    }
  }

  @Test func `the keys of what inspect shows are in its help`() throws {
    let coppice = try Self.made()
    let catalogue = try coppice.json("inspect", "catalogue")
    let branches = try #require(catalogue["branches"] as? [[String: Any]])
    let root = try #require(branches.compactMap { $0["rootName"] as? String }.first)
    let segment = "\(try #require(Int(root.split(separator: "/")[0])))"
    let all = [
      ["superblock"], ["catalogue"], ["journal"], ["segment", segment, "--frames"], ["node", root],
    ]
    for words in all {
      let shown = try coppice.program.check(["inspect"] + words + ["--json"])
      let help = try coppice.check("inspect", words[0], "--help").text
      let told = Set(help.split { !$0.isLetter }.map(String.init))
      let found = keys(try JSONSerialization.jsonObject(with: Data(shown.output)))
      #expect(!found.isEmpty && found.subtracting(told) == [], "\(words)")
    }
  }

  @Test func `the help names every command that ends with a finding`() throws {
    let coppice = try CoppiceCommand(makesStore: false)
    let help = try coppice.check("--help").text
    let start = try #require(help.range(of: "2 a finding")).upperBound
    let end = try #require(help.range(of: "3 not", range: start..<help.endIndex)).lowerBound
    for verb in ["check", "scrub", "repair", "diff", "export", "delete", "reclaim", "proof"] {
      #expect(help[start..<end].contains(verb), "\(verb)")
    }
  }

  @Test func `a number of bytes has a digit before its point`() throws {
    let coppice = try CoppiceCommand()
    try coppice.script("mkdir tree; truncate -s 1015M tree/sparse")
    try coppice.check("import", "tree", "main")
    #expect(try coppice.check("du").text.contains("0.99 GiB "))
  }

  @Test func `nothing is written to standard error when there is no terminal`() throws {
    let coppice = try CoppiceCommand()
    try coppice.makeTree()
    #expect(try coppice.check("import", "tree", "main").errors == "")
    #expect(try coppice.check("export", "main", "out").errors == "")
  }
}
