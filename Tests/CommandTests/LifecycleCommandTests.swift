import Foundation
import Glibc
import TestSupport
import Testing

/// Ends, owners, labels and protection, by the command.
@Suite struct LifecycleCommandTests {
  private static func made() throws -> CoppiceCommand {
    let coppice = try CoppiceCommand()
    try coppice.script("mkdir tree; echo one > tree/file")
    try coppice.check("import", "tree", "main")
    return coppice
  }

  private func create(_ coppice: CoppiceCommand, _ more: String...) throws -> [String: Any] {
    try coppice.json(all: ["branch", "create", "pr-42", "--from", "main"] + more)
  }

  @Test(arguments: [false, true])
  func `a branch is asked for, renewed, expired and comes back`(_ isServed: Bool) throws {
    let coppice = try Self.made()
    let server = isServed ? try ServingCoppice(coppice) : nil
    defer { _ = try? server?.end(SIGTERM) }
    let made = try create(
      coppice, "--ttl", "3d", "--lease", "2h", "--owner", "ana", "--label", "pr=42")
    #expect(made["isNew"] as? Bool == true && made["wasExpired"] as? Bool == false)
    #expect(made["owner"] as? String == "ana" && made["state"] as? String == "live")
    #expect(made["labels"] as? [String: String] == ["pr": "42"])
    #expect((made["expiresAt"] as? String)?.hasSuffix("Z") == true)
    #expect((made["leaseUntil"] as? String)?.hasSuffix("Z") == true)
    #expect(try coppice("branch", "create", "pr-42", "--from", "main").status == 4)
    let again = try create(coppice, "--or-existing", "--ttl", "4d")
    #expect(again["isNew"] as? Bool == false && again["id"] as? Int == made["id"] as? Int)
    #expect(again["expiresAt"] as? String != made["expiresAt"] as? String)
    #expect(
      try coppice("branch", "create", "pr-42", "--or-existing").status == 4, "another source")
    try coppice.check("branch", "label", "pr-42", "team=billing", "--remove", "pr")
    try coppice.check("branch", "owner", "pr-42", "bob")
    try coppice.check("branch", "expire", "pr-42")
    #expect(try names(coppice, "--label", "team=billing").isEmpty)
    #expect(try names(coppice, "--state", "expired") == ["pr-42"])
    let refused = try coppice("rm", "pr-42:file")
    #expect(refused.status == 6 && refused.errors.contains("coppice branch renew pr-42"))
    #expect(try coppice.check("cat", "pr-42:file").text == "one\n")
    let text = try coppice.check("branch", "renew", "pr-42", "--ttl", "1d").text
    #expect(text.hasPrefix("Renewed pr-42: ends ") && text.contains("of bob, team=billing"))
    #expect(try names(coppice, "--label", "team=billing", "--owner", "bob") == ["pr-42"])
    #expect(try names(coppice, "--expiring", "2d") == ["pr-42"])
    #expect(try names(coppice, "--expiring", "20m").isEmpty)
    try coppice.check("rm", "pr-42:file")
    let reset = try create(coppice, "--or-reset")
    #expect(reset["isNew"] as? Bool == false)
    #expect(try coppice.check("cat", "pr-42:file").text == "one\n")
  }

  private func names(_ coppice: CoppiceCommand, _ options: String...) throws -> [String] {
    let branches = try coppice.json(all: ["branch", "list"] + options)["branches"]
    return try #require(branches as? [[String: Any]]).compactMap { $0["name"] as? String }
  }

  @Test func `what is protected stays, whoever asks`() throws {
    let coppice = try Self.made()
    try coppice.check("snapshot", "create", "main@kept", "--owner", "ana")
    let text = try coppice.check("snapshot", "protect", "main@kept", "--for", "2w").text
    #expect(text.hasPrefix("Protected main@kept: protected until "))
    for arguments in [
      ["snapshot", "delete", "main@kept", "--force"], ["branch", "delete", "main", "--snapshots"],
      ["branch", "delete", "main", "--snapshots", "--now", "--force"],
    ] {
      let refused = try coppice.run(arguments)
      #expect(refused.status == 6, "\(arguments)")
      #expect(refused.errors.contains("main@kept: is protected"), "\(refused.errors)")
    }
    let shown = try coppice.check(
      "branch", "protect", "main", "--for-ever", "--reason", "audit of 2026"
    ).text
    #expect(shown.hasPrefix("Protected main: protected (audit of 2026), of "))
    let refused = try coppice.failure("branch", "delete", "main", "--snapshots", "--force")
    #expect(refused.status == 6 && refused.message == "is protected: audit of 2026")
    let entry = try coppice.json("branch", "show", "main")
    #expect(entry["protectionReason"] as? String == "audit of 2026")
    #expect(try coppice("import", "tree", "main", "--replace").status == 6)
    try coppice.check("put", "main:new", input: coppice.folder("tree/file"))
    try coppice.check("branch", "unprotect", "main")
    try coppice.check("import", "tree", "main", "--replace")
    try coppice.check("snapshot", "unprotect", "main@kept")
    try coppice.check("branch", "delete", "main", "--snapshots")
  }

  @Test func `bad input is refused with what is allowed, and changes nothing`() throws {
    let coppice = try Self.made()
    let before = try coppice.check("branch", "list", "--state", "all", "--json").text
    let long = String(repeating: "x", count: 256)
    let cases: [([String], Int32)] = [
      (["--ttl", "0s"], 64), (["--ttl", "3 days"], 64),
      (["--expires", "2020-01-01T00:00:00Z"], 64),
      (["--expires", "yesterday"], 64), (["--ttl", "1d", "--expires", "2030-01-01T00:00:00Z"], 64),
      (["--expires", "2300-01-01T00:00:00Z"], 64), (["--or-existing", "--or-reset"], 64),
      (["--label", "novalue"], 64), (["--label", "=x"], 64), (["--label", "a=\(long)"], 64),
      (["--label", "a=b\n"], 64), (["--label", "a=1", "--label", "a=2"], 64),
      (["--owner", long], 64), (["--owner", ""], 64), (["--owner", "a\u{7}"], 64),
      ((0..<33).flatMap { ["--label", "k\($0)=v"] }, 64), (["--lease", "0s"], 64),
      (["--force"], 64),
    ]
    for (options, status) in cases {
      let refused = try coppice.run(["branch", "create", "bad", "--from", "main"] + options)
      #expect(refused.status == status, "\(options): \(refused.errors)")
      #expect(!refused.errors.isEmpty)
    }
    for arguments in [
      ["branch", "renew", "nobody"], ["branch", "protect", "nobody"],
      ["branch", "label", "main", "--remove", "nothing"], ["branch", "expire", "main", "nobody"],
    ] { #expect(try coppice.run(arguments).status == 3, "\(arguments)") }
    for arguments in [
      ["branch", "protect", "main", "--for", "0s"], ["branch", "label", "main"],
      ["branch", "protect", "main", "--for", "1d", "--for-ever"],
      ["branch", "protect", "main", "--until", "2001-01-01T00:00:00Z"],
      ["branch", "renew", "main", "--ttl", "0s"], ["branch", "list", "--state", "dead"],
      ["branch", "renew", "main", "--", "true"],
    ] { #expect(try coppice.run(arguments).status == 64, "\(arguments)") }
    #expect(try coppice.check("branch", "list", "--state", "all", "--json").text == before)
  }

  @Test func `a program runs while its branch is renewed, and its status is told`() throws {
    let coppice = try Self.made()
    try coppice.check("branch", "create", "a", "--from", "main", "--lease", "1s")
    let list = ["branch", "list", "--json", "--store", "store"]
    let done = try coppice(
      "branch", "renew", "a", "--", "sh", "-c",
      "sleep 2; \(coppice.program.path) \(list.joined(separator: " ")) > list; exit 7")
    #expect(done.status == 7, "\(done.errors)")
    let entries = try #require(
      JSONSerialization.jsonObject(
        with: Data(contentsOf: URL(fileURLWithPath: coppice.folder("list")))) as? [String: Any])
    let until = try #require(
      (entries["branches"] as? [[String: Any]])?.first?["leaseUntil"] as? String)
    let formatter = ISO8601DateFormatter()
    formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
    let end = try #require(formatter.date(from: until))
    #expect(end > Date(timeIntervalSinceNow: -1))
    #expect(try coppice("branch", "renew", "a", "--", "sh", "-c", "kill -9 $$").status == 137)
    let missing = try coppice("branch", "renew", "a", "--", "./no such program")
    #expect(missing.status == 127)
  }

  /// What is to end the command ends the program, and the command with its status.
  @Test(arguments: [SIGTERM, SIGINT, SIGHUP])
  func `signals are passed to the program that a branch is renewed for`(signal: Int32) throws {
    let coppice = try Self.made()
    try coppice.check("branch", "create", "a", "--from", "main", "--lease", "1h")
    try coppice.script("mkfifo begun never")
    let running = try coppice.program.start(
      [
        "branch", "renew", "a", "--", "bash", "-c",
        "trap 'echo got it; exit 9' \(signal); echo > begun; while :; do read -t 1 <> never; done",
      ], in: coppice.folder.path)
    try coppice.script("read < begun")
    running.send(signal: signal)
    let result = try running.wait()
    #expect(result.status == 9 && result.text == "got it\n", "\(result)")
    // One that traps nothing is ended by the signal, and that is told as shells do.
    let plain = try coppice.program.start(
      ["branch", "renew", "a", "--", "bash", "-c", "echo > begun; read <> never"],
      in: coppice.folder.path)
    try coppice.script("read < begun")
    plain.send(signal: signal)
    #expect(try plain.wait().status == 128 + signal)
  }

  @Test func `what is restored with a lifetime keeps to its rule`() throws {
    let coppice = try Self.made()
    try coppice.script(
      """
      echo '{"rules": [{"name": "pr-*", "ttlMax": "2d"},
        {"labels": {"team": "a"}, "ttlMax": "1h"}]}' > policy.json
      """)
    try coppice.check("policy", "set", "policy.json")
    try coppice.check("branch", "create", "pr-1", "--from", "main")
    try coppice.check(
      "branch", "create", "other", "--from", "main", "--ttl", "30m", "--label", "team=a")
    try coppice.check("branch", "delete", "pr-1", "other")
    let refused = try coppice.failure("branch", "restore", "pr-1", "--ttl", "3d")
    #expect(refused.status == 6 && refused.error["reason"] as? String == "policy")
    #expect(refused.message.contains("rules[0] (name pr-*)") && refused.remedy.contains("2d"))
    // The name that it comes back under counts, and the labels that it had.
    let renamed = try coppice.failure("branch", "restore", "other", "--as", "pr-2", "--ttl", "3d")
    #expect(renamed.status == 6 && renamed.message.contains("rules[0] (name pr-*)"))
    let labelled = try coppice.failure("branch", "restore", "other", "--ttl", "2h")
    #expect(labelled.status == 6 && labelled.message.contains("rules[1] (label team=a)"))
    #expect(try names(coppice) == ["main"])
    try coppice.check("branch", "restore", "pr-1", "--ttl", "2d")
    try coppice.check("branch", "restore", "other", "--ttl", "1h")
    #expect(try names(coppice, "--expiring", "3d") == ["other", "pr-1"])
    #expect(try names(coppice, "--expiring", "2h") == ["other"])
  }

  @Test func `the space marks of a policy hold in a server at once, and from its start`() throws {
    let coppice = try Self.made()
    try coppice.check("branch", "create", "ends", "--from", "main", "--ttl", "1d")
    try coppice.script(
      """
      head -c 100000 /dev/urandom > noise
      echo '{"space": {"freePercent": 100}}' > strict.json
      echo '{"space": {"freePercent": 0, "freeByteCount": "0"}}' > none.json
      """)
    func put() throws -> Int32 {
      try coppice("put", "ends:noise", input: coppice.folder("noise")).status
    }
    var server = try ServingCoppice(coppice)
    #expect(try put() == 0)
    try coppice.check("policy", "set", "strict.json")
    let full = try coppice.program.run(
      ["put", "ends:more", "--json"], in: coppice.folder.path, input: coppice.folder("noise"))
    #expect(full.status == 7 && full.errors.contains(#""limit""#), "\(full.errors)")
    try server.end(SIGTERM)
    server = try ServingCoppice(coppice)
    try coppice.check("rm", "ends:noise")
    #expect(try put() == 7)
    try coppice.check("policy", "set", "none.json")
    #expect(try put() == 0)
    try server.end(SIGTERM)
  }

  @Test func `snapshots that no rule keeps go, and what that frees is told before`() throws {
    let coppice = try Self.made()
    for name in ["a", "b", "c"] {
      try coppice.script("head -c 300000 /dev/urandom > noise")
      try coppice.check("put", "main:noise", input: coppice.folder("noise"))
      try coppice.check("snapshot", "create", "main@\(name)")
    }
    try coppice.check("snapshot", "protect", "main@a")
    let plan = try coppice.json("snapshot", "prune", "main", "--keep-last", "1", "--dry-run")
    #expect(plan["deleted"] as? [String] == ["main@b"])
    #expect((plan["freedByteCount"] as? Int ?? 0) > 290_000)
    let kept = try #require(plan["kept"] as? [[String: Any]])
    #expect(kept.map { $0["name"] as? String } == ["main@a", "main@c"])
    #expect(kept.map { $0["reasons"] as? [String] } == [["protected"], ["last snapshot"]])
    for rules in [[], ["--keep-last", "0"], ["--keep-daily", "-2"]] {
      #expect(try coppice.run(["snapshot", "prune", "main"] + rules).status == 64, "\(rules)")
    }
    let done = try coppice.check("snapshot", "prune", "--keep-last", "1").text
    #expect(done.hasPrefix("Deleted main@b\nKept main@a: protected\nKept main@c: last snapshot\n"))
    try coppice.check("branch", "restore", "main@b")
  }

  @Test func `a restored lifetime is one that the policy of today gives`() throws {
    let coppice = try Self.made()
    try coppice.check("branch", "create", "pr-1", "--ttl", "30d")
    try coppice.check("branch", "delete", "pr-1")
    try coppice.script(
      """
      echo '{"rules": [{"name": "pr-*", "ttlMax": "1h"}]}' > policy.json
      """)
    try coppice.check("policy", "set", "policy.json")
    try coppice.check("branch", "restore", "pr-1")
    #expect(try names(coppice, "--expiring", "2h") == ["pr-1"])
  }

  /// Without a server, which looks by itself.
  @Test func `what is due ends by a pass, and a policy gives ends and takes none`() throws {
    let coppice = try Self.made()
    try coppice.check("branch", "create", "a", "--from", "main", "--ttl", "1s")
    try coppice.script(
      """
      echo '{"rules": [{"name": "pr-*", "ttlDefault": "3d", "ttlMax": "2w"}]}' > policy.json
      sleep 1.1
      """)
    let set = try coppice.json("policy", "set", "policy.json")
    #expect(set["ends"] as? [String] == [])
    #expect(try coppice.check("policy", "show").text.contains("\"pr-*\""))
    let made = try coppice.json("branch", "create", "pr-1", "--from", "main")
    #expect(made["expiresAt"] is String)
    #expect(made["notes"] as? [String] == ["it lives for 3d by rules[0] (name pr-*)"])
    let refused = try coppice.failure("branch", "renew", "pr-1", "--ttl", "3w")
    #expect(refused.status == 6 && refused.error["reason"] as? String == "policy")
    #expect(refused.message.contains("rules[0] (name pr-*)") && refused.remedy.contains("2w"))
    #expect(
      try coppice.check("policy", "test", "pr-1").text.hasPrefix("pr-1: rules[0] (name pr-*) holds")
    )
    #expect(try coppice.json("policy", "run", "--dry-run")["expired"] as? [String] == ["a"])
    try coppice.check("policy", "pause", "--for", "1h")
    #expect(try coppice.json("policy", "run")["expired"] as? [String] == [])
    #expect(try coppice.json("policy", "resume")["pauses"] as? [String] == [])
    #expect(try coppice.check("policy", "run").text == "Expired a\n")
    #expect(try coppice.check("policy", "run").text == "Nothing is due\n")
    for arguments in [
      ["policy", "set", "tree/file"], ["policy", "run", "--accept", "0"],
      ["policy", "pause", "--for", "0s"], ["policy", "test", "a", "--role", "king"],
      ["policy", "run", "--accept", "1", "--dry-run"],
    ] { #expect(try coppice.run(arguments).status == 64, "\(arguments)") }
    #expect(try coppice.run(["policy", "set", "no file"]).status == 3)
    #expect(try coppice.run(["policy", "set", "policy.json", "--if-match", "x"]).status == 4)
  }

  /// By libfaketime, which sets the wall clock of a program and leaves that since the start alone.
  @Test func `a clock that somebody sets ends nothing until it is said to be right`() throws {
    var coppice = try Self.made()
    try coppice.check("branch", "create", "a", "--from", "main", "--ttl", "2h")
    #expect(try coppice.json("policy", "run")["expired"] as? [String] == [])
    let real = coppice.program.environment
    coppice.program.environment = real.merging([
      "LD_PRELOAD": "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "FAKETIME": "+3d",
      "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    ]) { $1 }
    let leapt = try coppice.check("policy", "run").text
    #expect(leapt == "Kept a: the reaper is paused: the clock leapt\nPaused: the clock leapt\n")
    #expect(try coppice.check("branch", "list", "--state", "live").text.contains("a  "))
    try coppice.check("policy", "resume")
    #expect(try coppice.json("policy", "run")["expired"] as? [String] == ["a"])
    coppice.program.environment = real
    // What was written in a future that never came is newer than now.
    let back = try #require(try coppice.json("policy", "run")["pauses"] as? [String])
    #expect(back.contains("the clock stands behind what the store has recorded"))
    try coppice.check("branch", "renew", "a", "--ttl", "1d")
    #expect(try coppice.json("policy", "resume")["pauses"] as? [String] == [])
  }

  @Test func `branches are deleted by their labels, several only where that is meant`() throws {
    let coppice = try Self.made()
    for name in ["a", "b"] {
      try coppice.check(
        "branch", "create", name, "--from", "main", "--label", "pr=42", "--label", "name=\(name)")
    }
    #expect(try coppice("branch", "delete", "--label", "pr=41").status == 3)
    try coppice.check("branch", "delete", "--label", "pr=41", "--if-exists")
    let refused = try coppice.failure("branch", "delete", "--label", "pr=42")
    #expect(refused.status == 64 && refused.message.contains("a, b"))
    #expect(try coppice("branch", "delete", "a", "--label", "pr=42").status == 64)
    #expect(try coppice("branch", "delete").status == 64)
    let plan = try coppice.json("branch", "delete", "--label", "pr=42", "--yes", "--dry-run")
    #expect(plan["entries"] as? [String] == ["a", "b"])
    try coppice.check("branch", "delete", "--label", "pr=42", "--label", "name=a")
    try coppice.check("branch", "delete", "--label", "pr=42", "--yes", "--now")
    #expect(try names(coppice) == ["main"])
    #expect(try names(coppice, "--state", "deleted") == ["a"])
  }

  @Test func `what a rule keeps stays through a collection, until it is forgotten by name`() throws
  {
    let coppice = try Self.made()
    try coppice.script(#"echo '{"rules": [{"name": "k*", "restoreWindow": "2h"}]}' > policy.json"#)
    try coppice.check("policy", "set", "policy.json")
    for name in ["kept", "plain"] {
      try coppice.check("branch", "create", name, "--from", "main")
      try coppice.check("branch", "delete", name)
    }
    try coppice.check("gc")
    let deleted = try #require(
      try coppice.json("branch", "list", "--state", "deleted")["branches"] as? [[String: Any]])
    #expect(deleted.map { $0["name"] as? String } == ["kept"])
    #expect(deleted[0]["keepUntil"] is String)
    try coppice.check("branch", "restore", "kept")
    try coppice.check("branch", "delete", "kept")
    try coppice.check("gc", "--forget")
    #expect(try names(coppice, "--state", "deleted").isEmpty)
  }

  @Test func `a branch is made with a limit, that of its rule at most`() throws {
    let coppice = try Self.made()
    try coppice.script(
      """
      echo '{"rules": [{"name": "l*", "limit": "2M"}]}' > policy.json
      head -c 3M /dev/urandom > noise
      """)
    try coppice.check("policy", "set", "policy.json")
    let ruled = try coppice.json("branch", "create", "l1", "--from", "main")
    #expect(ruled["maxStoredByteCount"] as? Int == 2 << 20)
    #expect(
      try coppice("branch", "create", "l2", "--from", "main", "--max-stored", "3M").status == 6)
    #expect(
      try coppice("branch", "create", "l2", "--from", "main", "--max-stored", "0").status == 64)
    let own = try coppice.json("branch", "create", "l2", "--from", "main", "--max-stored", "1M")
    #expect(own["maxStoredByteCount"] as? Int == 1 << 20)
    // A limit is looked at before a write, not in it.
    try coppice.check("put", "l2:first", input: coppice.folder("noise"))
    let full = try coppice.program.run(
      ["put", "l2:noise", "--json"], in: coppice.folder.path, input: coppice.folder("noise"))
    #expect(full.status == 7 && full.errors.contains(#""limit""#), "\(full.errors)")
    try coppice.check("put", "main:noise", input: coppice.folder("noise"))
    #expect(try coppice("snapshot", "create", "l1@one").status == 0)
  }
}
