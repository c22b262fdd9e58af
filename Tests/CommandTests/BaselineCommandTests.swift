import Foundation
import Glibc
import TestSupport
import Testing

/// Baselines by the command, without a server and with one.
@Suite struct BaselineCommandTests {
  private func list(_ answer: [String: Any], _ name: String) -> [[String: Any]] {
    answer[name] as? [[String: Any]] ?? []
  }

  @Test(arguments: [false, true])
  func `a baseline is added, approved, branched from and retired`(isServed: Bool) throws {
    let coppice = try CoppiceCommand()
    try coppice.makeTree()
    let server = isServed ? try ServingCoppice(coppice) : nil
    let tried = try coppice.json(
      "baseline", "add", "prod", "--from", "directory:tree", "--dry-run")
    #expect(tried["isDryRun"] as? Bool == true)
    #expect(try coppice.json("branch", "list")["branches"] as? [String] == [])
    let added = try coppice.json(
      "baseline", "add", "prod", "--from", "directory:tree", "--roles", "ci,developer",
      "--ttl-default", "1d", "--ttl-max", "2w", "--children-max", "5", "--age-max", "36h",
      "--keep-daily", "7", "--keep-within", "3d")
    #expect(added["class"] as? String == "raw" && added["newest"] is NSNull)
    let rules = added["rules"] as? [String: Any]
    #expect(rules?["roles"] as? [String] == ["ci", "developer"])
    #expect(rules?["ttlMaxSeconds"] as? Int == 14 * 86_400)
    let early = try coppice.failure("branch", "create", "trial", "--from", "prod@newest")
    #expect(early.status == 3 && early.remedy == "`coppice baseline approve prod@SNAPSHOT`")

    try coppice.check("snapshot", "create", "prod@one")
    let approved = try coppice.json("baseline", "approve", "prod@one")
    #expect(approved["isNew"] as? Bool == true && approved["attestation"] is NSNull)
    #expect((approved["rootHash"] as? String)?.count == 32)
    let again = try coppice.json("baseline", "approve", "prod@one")
    #expect(again["isNew"] as? Bool == false)
    #expect(again["approvedAt"] as? String == approved["approvedAt"] as? String)
    try coppice.check("branch", "create", "trial", "--from", "prod@newest")
    try coppice.check("branch", "create", "child", "--from", "trial")
    #expect(try coppice.check("cat", "prod@newest:a/b/hello").text == "hello")
    #expect(try coppice.check("diff", "prod@newest", "child", "--exit-code").status == 0)

    let shown = try coppice.json("baseline", "show", "prod")
    #expect(shown["newest"] as? String == "prod@one" && shown["childCount"] as? Int == 2)
    #expect(list(shown, "snapshots").map { $0["name"] as? String } == ["prod@one"])
    #expect(list(try coppice.json("baseline", "list"), "baselines").count == 1)
    let text = try coppice.check("baseline", "show", "prod").text
    #expect(text.contains("TTL at most 2w\n") && text.contains("younger than 36h\n"))
    #expect(text.contains("2 live branches\n") && text.contains("keep 7 daily, within 3d\n"))

    for words in [
      ["snapshot", "delete", "prod@one"], ["branch", "delete", "prod", "--snapshots", "--force"],
      ["branch", "delete", "prod", "--snapshots", "--now"], ["branch", "rename", "prod", "other"],
    ] {
      let refused = try coppice.program.run(words + ["--json"], in: coppice.folder.path)
      #expect(refused.status == 6, "\(words)")
      #expect(refused.errors.contains("coppice baseline retire prod"), "\(words)")
    }
    let retired = try coppice.json("baseline", "retire", "prod", "--delete-snapshots")
    #expect(retired["deleted"] as? [String] == ["prod@one"])
    #expect(try coppice.failure("cat", "prod@newest:a/b/hello").status == 3)
    #expect(try coppice.check("cat", "child:a/b/hello").text == "hello")
    let anew = ["baseline", "add", "prod", "--from", "branch:child"]
    let taken = try coppice.failure(all: anew)
    #expect(taken.status == 4 && taken.message.contains("a retired baseline has that name"))
    #expect(taken.remedy.contains("delete its branch"), "\(taken)")
    try coppice.check("branch", "delete", "prod")
    #expect(try coppice.json("baseline", "show", "prod")["childCount"] as? Int == 2)
    try coppice.program.check(anew, in: coppice.folder.path)
    #expect(try coppice.json("baseline", "show", "prod")["retiredAt"] is NSNull)
    try coppice.check("check")
    try server?.end(SIGTERM)
  }

  @Test(arguments: [false, true])
  func `a baseline of another class is a copy, and takes an attestation`(isServed: Bool) throws {
    let coppice = try CoppiceCommand()
    try coppice.makeTree()
    let server = isServed ? try ServingCoppice(coppice) : nil
    try coppice.check("import", "tree", "scrubbed")
    let words = ["baseline", "add", "public", "--from", "branch:scrubbed", "--class", "none"]
    try coppice.program.check(words + ["--dry-run"], in: coppice.folder.path)
    #expect(list(try coppice.json("domain", "list"), "domains").count == 1)
    #expect(list(try coppice.json("branch", "list"), "branches").count == 1)
    let added = try coppice.json(
      "baseline", "add", "masked", "--from", "branch:scrubbed", "--class", "masked")
    #expect(added["domain"] as? String == "masked" && added["class"] as? String == "masked")
    let own = try coppice.json(
      "baseline", "add", "public", "--from", "branch:scrubbed", "--class", "none")
    #expect(own["domain"] as? String == "public" && own["class"] as? String == "none")
    #expect(try coppice.check("diff", "scrubbed", "masked", "--exit-code").status == 0)
    try coppice.check("snapshot", "create", "masked@one")
    let refused = try coppice.failure("baseline", "approve", "masked@one")
    #expect(refused.status == 6 && refused.error["reason"] as? String == "policy")
    #expect(refused.remedy.contains("--attest FILE"))
    try coppice.script("printf '' > empty; printf 'all names replaced' > word")
    let empty = try coppice.failure("baseline", "approve", "masked@one", "--attest", "empty")
    #expect(empty.status == 64)
    #expect(list(try coppice.json("baseline", "show", "masked"), "snapshots").isEmpty)
    let approved = try coppice.json("baseline", "approve", "masked@one", "--attest", "word")
    let digest = try coppice.script("sha256sum word").text.prefix(64)
    #expect(approved["attestation"] as? String == String(digest))
    try coppice.script("printf 'names and places' | tee other > /dev/null")
    let better = try coppice.json("baseline", "approve", "masked@one", "--attest", "other")
    #expect(better["isNew"] as? Bool == false)
    #expect(better["attestation"] as? String != approved["attestation"] as? String)
    #expect(better["rootHash"] as? String == approved["rootHash"] as? String)
    try coppice.check("check")
    try server?.end(SIGTERM)
  }

  @Test func `a branch that is asked for again is taken if it came from the same baseline`() throws
  {
    let coppice = try CoppiceCommand()
    try coppice.script("mkdir tree; printf one > tree/file")
    for name in ["prod", "other"] {
      try coppice.check("baseline", "add", name, "--from", "directory:tree")
      try coppice.check("snapshot", "create", "\(name)@one")
      try coppice.check("baseline", "approve", "\(name)@one")
    }
    let words = ["branch", "create", "trial", "--json", "--from"]
    func create(_ from: String, _ flag: String) throws -> Program.Result {
      try coppice.program.run(words + [from, flag], in: coppice.folder.path)
    }
    #expect(try create("prod@newest", "--or-existing").text.contains("\"isNew\" : true"))
    try coppice.script("printf two > tree/file")
    try coppice.check("import", "tree", "prod", "--replace")
    try coppice.check("snapshot", "create", "prod@two")
    try coppice.check("baseline", "approve", "prod@two")
    let known = try create("prod@newest", "--or-existing")
    #expect(known.text.contains("\"isNew\" : false"))
    #expect(known.text.contains("it comes by prod@one"), "\(known.text)")
    #expect(try coppice.check("cat", "trial:file").text == "one")
    #expect(try create("other@newest", "--or-existing").status == 4)
    #expect(try create("other@newest", "--or-reset").status == 4)
    #expect(try create("prod@newest", "--or-reset").status == 0)
    #expect(try coppice.check("cat", "trial:file").text == "two")
    #expect(try !create("prod@newest", "--or-existing").text.contains("it comes by"))
    let shown = try coppice.json("baseline", "show", "prod")
    #expect(shown["childCount"] as? Int == 1 && shown["snapshotCount"] as? Int == 2)
  }

  @Test func `a baseline is taken from archives, and from branches as they are`() throws {
    let coppice = try CoppiceCommand()
    try coppice.makeTree()
    try coppice.script("tar -cf tree.tar -C tree .")
    try coppice.check("baseline", "add", "file", "--from", "tar:tree.tar")
    let archive = coppice.folder("tree.tar")
    try coppice.check("baseline", "add", "piped", "--from", "tar:-", input: archive)
    #expect(try coppice.check("diff", "file", "piped", "--exit-code").status == 0)
    try coppice.check("branch", "create", "main", "--from", "file")
    try coppice.check("baseline", "add", "main", "--from", "branch:main")
    try coppice.check("snapshot", "create", "main@a")
    try coppice.check("baseline", "add", "fork", "--from", "branch:main@a")
    let text = try coppice.check("baseline", "list").text
    #expect(text.split(separator: "\n").count == 5)
  }

  @Test func `a remedy for a baseline of another class works as it is written`() throws {
    let coppice = try CoppiceCommand()
    try coppice.makeTree()
    try coppice.check("import", "tree", "main")
    try coppice.check("domain", "create", "apart", "--class", "schema")
    func refusal(_ words: String...) throws -> String {
      let result = try coppice.program.run(
        ["baseline", "add"] + words + ["--json"], in: coppice.folder.path)
      #expect(result.status == 4, "\(words)")
      return result.errors
    }
    // The branch stays raw, so only a copy is masked.
    let same = try refusal("main", "--from", "branch:main", "--class", "masked")
    #expect(same.contains("name the baseline otherwise, with --from branch:main as it is"))
    try coppice.check("baseline", "add", "other", "--from", "branch:main", "--class", "masked")
    let taken = try refusal("main", "--from", "directory:tree", "--class", "masked")
    #expect(taken.contains("choose another name: that branch stays in the trust domain raw"))
    #expect(!taken.contains("--from branch:main"))
    let fit = try refusal("main", "--from", "directory:tree", "--class", "raw")
    #expect(fit.contains("--from branch:main"))
    // A domain of that name holds something else: that of the class can be shared.
    for name in ["apart", "none"] {
      let called = try refusal(name, "--from", "branch:main", "--class", "masked", "--dry-run")
      #expect(called.contains("share one of that class, --domain masked"))
      let shared = ["--from", "branch:main", "--class", "masked", "--domain", "masked"]
      try coppice.program.check(["baseline", "add", name] + shared, in: coppice.folder.path)
    }
    try coppice.check("baseline", "add", "main", "--from", "branch:main", "--class", "raw")
    let list = list(try coppice.json("baseline", "list"), "baselines")
    #expect(
      list.map { $0["class"] as? String } == ["masked", "raw", "masked", "masked"], "\(list)")
  }

  @Test func `a stream is called what it was named by`() throws {
    let coppice = try CoppiceCommand()
    for words in [
      ["baseline", "add", "new", "--from", "tar:/dev/null"],
      ["import", "/dev/null", "new", "--tar"],
    ] {
      let refused = try coppice.program.run(words, in: coppice.folder.path)
      #expect(refused.status == 64 && refused.errors.contains("/dev/null"), "\(refused.errors)")
      #expect(!refused.errors.contains("standard input"), "\(refused.errors)")
    }
    let piped = try coppice.program.run(
      ["baseline", "add", "new", "--from", "tar:-"], in: coppice.folder.path)
    #expect(piped.status == 64 && piped.errors.contains("standard input"), "\(piped.errors)")
  }

  @Test func `bad input changes nothing and says what is allowed`() throws {
    let coppice = try CoppiceCommand()
    try coppice.makeTree()
    try coppice.check("import", "tree", "main")
    try coppice.check("snapshot", "create", "main@a")
    try coppice.check("baseline", "add", "base", "--from", "branch:main")
    try coppice.check("snapshot", "create", "base@a")
    try coppice.check("domain", "create", "apart", "--class", "schema")
    func state() throws -> [String] {
      try [
        ["branch", "list"], ["snapshot", "list"], ["domain", "list"], ["baseline", "list"],
        ["baseline", "show", "base"],
      ].map { try coppice.program.check($0, in: coppice.folder.path).text }
    }
    let before = try state()
    let add = ["baseline", "add", "new", "--from"]
    let cases: [(words: [String], status: Int32, said: String)] = [
      (["baseline", "approve", "base"], 64, "coppice snapshot create base@NAME"),
      (["baseline", "approve", "main@a"], 64, "approve a snapshot of base"),
      (["baseline", "approve", "main"], 64, "approve a snapshot of base"),
      (["baseline", "approve", "base@b"], 3, "base@a"),
      (["baseline", "approve", "base@newest"], 3, "baseline approve base@SNAPSHOT"),
      (["baseline", "approve", "base@a", "--attest", "nothing"], 3, "no such file"),
      (["baseline", "approve", "base@a", "--attest", "tree"], 64, "directory"),
      (["snapshot", "create", "main@newest"], 64, "choose another name"),
      (["branch", "restore", "main@a", "--as", "main@newest"], 64, "choose another name"),
      (["baseline", "show", "bass"], 3, "did you mean base?"),
      (["baseline", "retire", "other"], 3, "coppice baseline list"),
      (add + ["directory:nowhere"], 3, "no such file"),
      (add + ["directory:tree/nothing"], 64, "tar:FILE"),
      (add + ["tar:tree/a/numbers"], 64, "tar"), (add + ["tar:tree"], 64, "directory"),
      (add + ["branch:nowhere"], 3, "no such branch"), (add + ["branch:"], 64, "branch:NAME"),
      (add + ["tree"], 64, "directory:DIR"), (add + ["postgres:prod"], 75, "has no server"),
      (add + ["postgres:a b"], 64, "pg_service.conf"), (add + ["command:x"], 64, "write %d"),
      (add + ["command:x %d"], 75, "has no server"), (add + ["dump:tree"], 75, "has no server"),
      (add + ["branch:main", "--refresh", "25:00"], 64, "03:00"),
      (add + ["branch:main", "--refresh", "1s"], 64, "03:00"),
      (add + ["branch:main", "--freeze", "some"], 64, "auto, all or none"),
      (add + ["branch:main", "--accept", "TABLESPACES"], 64, "EXTENSION-MISSING"),
      (add + ["branch:main", "--neutralise", "nothing"], 3, "nothing"),
      (add + ["branch:main", "--class", "secret"], 64, "masked"),
      (add + ["branch:main", "--domain", "nowhere"], 3, "coppice domain create"),
      (add + ["branch:main", "--domain", "apart", "--class", "none"], 64, "leave the class out"),
      (add + ["branch:main", "--ttl-default", "2d", "--ttl-max", "1d"], 64, "beyond"),
      (add + ["branch:main", "--ttl-max", "0"], 64, "leave it out"),
      (add + ["branch:main", "--age-max", "0"], 64, "leave it out"),
      (add + ["branch:main", "--children-max", "0"], 64, "at least 1"),
      (add + ["branch:main", "--keep-last", "0"], 64, "no rule keeps"),
      (add + ["branch:main", "--keep-daily", "-2"], 64, "-2"),
      (add + ["branch:main", "--roles", "king"], 64, "roles"),
      (add + ["branch:main", "--roles", ""], 64, "roles"),
      (["baseline", "add", "base", "--from", "branch:main"], 4, "baseline show base"),
      (["baseline", "add", "main", "--from", "directory:tree"], 4, "--from branch:main"),
      (["baseline", "add", "main", "--from", "branch:main", "--class", "none"], 4, "otherwise"),
      (["baseline", "add", "apart", "--from", "branch:main", "--class", "none"], 4, "apart"),
      (["baseline", "add", "a@b", "--from", "branch:main"], 64, "use a-b"),
      (["baseline", "add", "7", "--from", "branch:main", "--class", "none"], 64, "d7"),
    ]
    for (words, status, said) in cases {
      let result = try coppice.program.run(words, in: coppice.folder.path)
      #expect(result.status == status, "\(words): \(result.errors)")
      #expect(result.errors.contains(said), "\(words): \(result.errors)")
    }
    #expect(try state() == before)
    try coppice.check("baseline", "retire", "base")
    let late = try coppice.failure("baseline", "approve", "base@a")
    #expect(late.status == 6 && late.message.contains("retired"))
    try coppice.check("check")
  }
}
