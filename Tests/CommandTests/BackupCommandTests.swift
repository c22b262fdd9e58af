import Foundation
import Glibc
import S3TestServer
import TestSupport
import Testing

/// What becomes of copies in a pool.
@Suite struct BackupCommandTests {
  /// Copies of snapshots with other contents, the oldest first.
  private static func made(_ names: [String]) throws -> PooledStore {
    let store = try PooledStore()
    for name in names {
      try store.coppice.script("head -c 100000 /dev/urandom > tree/noise")
      try store.coppice.check("import", "--replace", "tree", "main")
      try store.coppice.check("snapshot", "create", "main@\(name)")
      try store.coppice.check("push", "main@\(name)", "offsite")
    }
    return store
  }

  @Test func `copies are deleted, brought back, held and released`() throws {
    let store = try Self.made(["one", "two"])
    let coppice = store.coppice
    let plan = try coppice.json("backup", "delete", "offsite/main@one", "--dry-run")
    #expect(plan["isDryRun"] as? Bool == true && plan["change"] as? String == "delete")
    #expect(try store.copyNames() == ["main@one", "main@two"])
    try coppice.check("backup", "delete", "offsite/main@one")
    #expect(try store.copyNames() == ["main@two"])
    let gone = try store.failure("pull", "offsite/main@one", "x")
    #expect(gone.status == 3 && gone.error["reason"] as? String == "gone")
    let all = try coppice.json("backup", "list", "offsite", "--all")
    let entries = try #require(all["entries"] as? [[String: Any]])
    #expect(entries[0]["state"] as? String == "deleted" && entries[0]["deletedAt"] is String)
    try coppice.check("backup", "undelete", "offsite/main@one")
    try coppice.check("pull", "offsite/main@one", "x")

    try coppice.check("backup", "hold", "offsite/main@one", "offsite/main@two")
    #expect(try store.copies().map { $0["isHeld"] as? Bool } == [true, true])
    let held = try store.failure("backup", "delete", "offsite/main@two", "offsite/main@one")
    #expect(held.status == 5 && held.kind == "inUse")
    try coppice.check("backup", "release", "offsite/main@one")
    let released = try store.copies()
    #expect(released[0]["heldUntil"] is String && released[1]["heldUntil"] is NSNull)
    #expect(try store.failure("backup", "delete", "offsite/main@one").status == 5)
    #expect(try store.failure("backup", "undelete", "offsite/main@nothing").status == 3)
    #expect(try coppice("backup", "delete", "offsite").status == 64)
    #expect(try coppice("backup", "delete", "offsite/a", "other/b").status == 64)
    #expect(try coppice("backup", "delete").status == 64)
  }

  @Test func `keep rules delete copies, but not the newest, held or most of them`() throws {
    let store = try Self.made(["a", "b", "c", "d", "e"])
    let coppice = store.coppice
    let none = try store.failure("backup", "prune", "offsite/main")
    #expect(none.status == 64 && none.message.contains("no rule"))
    #expect(try store.failure("backup", "prune", "offsite/other", "--keep-last", "1").status == 3)
    let most = try store.failure("backup", "prune", "offsite/main", "--keep-last", "2")
    #expect(most.status == 6 && most.message.contains("3 of 5"))
    #expect(most.remedy.contains("--force"))
    let plan = try coppice.json(
      "backup", "prune", "offsite/main", "--keep-last", "2", "--dry-run")
    #expect(plan["deleted"] as? [String] == ["main@a", "main@b", "main@c"])
    #expect((plan["notes"] as? [String])?.first?.contains("3 of 5") == true)
    #expect(try store.copyNames().count == 5)

    try coppice.check("backup", "hold", "offsite/main@a")
    let two = try coppice.json("backup", "prune", "offsite/main", "--keep-last", "2")
    #expect(two["deleted"] as? [String] == ["main@b", "main@c"])
    let kept = try #require(two["kept"] as? [[String: Any]])
    #expect(kept[0]["reasons"] as? [String] == ["held"])
    #expect(kept[2]["reasons"] as? [String] == ["last snapshot"])
    let last = try coppice.json(
      "backup", "prune", "offsite/main", "--keep-last", "1", "--force")
    #expect(last["deleted"] as? [String] == ["main@d"])
    #expect(try store.copyNames() == ["main@a", "main@e"])
  }

  @Test func `clocks that are far apart stop keep rules, and no push`() throws {
    let store = try Self.made(["a", "b", "c"])
    store.objects.behaviour.clockOffset = 7200
    let refused = try store.failure("backup", "prune", "offsite/main", "--keep-last", "2")
    #expect(refused.status == 6 && refused.message.contains("apart"))
    try store.coppice.check("push", "main", "offsite")
    let checked = try store.coppice.json("remote", "check", "offsite")
    #expect(abs((checked["clockOffsetSeconds"] as? Int ?? 0) - 7200) < 10)
    try store.coppice.check("backup", "prune", "offsite/main", "--keep-last", "3", "--force")
    #expect(try store.copyNames().count == 3)
  }

  @Test func `a collection removes what no copy reaches, a day after it was deleted`() throws {
    let store = try Self.made(["one", "two"])
    let coppice = store.coppice
    try coppice.check("backup", "delete", "offsite/main@two")
    let before = store.names("segments/").count
    let early = try coppice.json("gc", "--remote", "offsite")
    #expect(early["removedSegmentCount"] as? Int == 0 && early["forgottenCount"] as? Int == 0)
    let text = try coppice.check("gc", "--remote", "offsite", "--explain").text
    #expect(text.contains("can be undeleted") && text.contains("live"))
    // A day later, by the object store's clock.
    store.objects.behaviour.clockOffset = 90_000
    let late = try coppice.json("gc", "--remote", "offsite")
    #expect(late["forgottenCount"] as? Int == 1)
    #expect((late["removedSegmentCount"] as? Int ?? 0) > 0)
    #expect(store.names("segments/").count < before)
    try coppice.check("pull", "offsite/main@one", "x")
    try coppice.check("check", "--remote", "offsite")
    for words in [["--full"], ["--forget"], ["--dry-run"]] {
      #expect(try coppice.run(["gc", "--remote", "offsite"] + words).status == 64)
    }
  }

  @Test func `what is damaged or lost in the object store is found`() throws {
    let store = try Self.made(["one"])
    let coppice = store.coppice
    let clean = try coppice.json("check", "--remote", "offsite")
    #expect(clean["entryCount"] as? Int == 1 && (clean["findings"] as? [Any])?.isEmpty == true)
    #expect(try store.copies()[0]["verifiedAt"] is NSNull)
    let scrubbed = try coppice.json("scrub", "--remote", "offsite")
    #expect((scrubbed["pageCount"] as? Int ?? 0) > 100)
    #expect(try store.copies()[0]["verifiedAt"] is String)

    let names = store.names("segments/").sorted()
    let largest = try #require(
      names.max { store.objects.bytes(of: $0)!.count < store.objects.bytes(of: $1)!.count })
    let whole = try #require(store.objects.bytes(of: largest))
    var damaged = whole
    damaged[damaged.count / 2] ^= 1
    store.objects.setBytes(of: largest, to: damaged)
    let result = try coppice("scrub", "--remote", "offsite", "--json")
    #expect(result.status == 2)
    #expect(result.text.contains(#""main@one""#))
    #expect(try coppice("scrub", "--remote", "offsite").text.contains("concerns main@one"))
    let pull = try store.failure("pull", "offsite/main@one", "x")
    #expect(pull.status == 8)
    #expect(try coppice("ls", "x").status == 3)

    store.objects.setBytes(of: largest, to: nil)
    #expect(try coppice("check", "--remote", "offsite").status == 2)
    store.objects.setBytes(of: largest, to: whole)
    try coppice.check("check", "--remote", "offsite")
    store.objects.inject(S3Fault(.dropRequest, failing: .max))
    #expect(try coppice("check", "--remote", "offsite").status == 75)
  }

  @Test func `usage tells what copies hold and objects take`() throws {
    let store = try Self.made(["one", "two"])
    let usage = try store.coppice.json("du", "--remote", "offsite")
    let entries = try #require(usage["entries"] as? [[String: Any]])
    #expect(entries.map { $0["name"] as? String } == ["main@one", "main@two"])
    let stored = store.names("segments/").reduce(0) { $0 + store.objects.bytes(of: $1)!.count }
    #expect(usage["storedByteCount"] as? Int == stored)
    #expect(usage["unpublishedCount"] as? Int == 0)
    let added = entries.compactMap { $0["newByteCount"] as? Int }.reduce(0, +)
    #expect(added == stored)
    #expect(try store.coppice.check("du", "--remote", "offsite").text.contains("stored in"))
    #expect(try store.coppice("du", "--remote", "offsite", "main").status == 64)
    #expect(try store.coppice("scrub", "--remote", "offsite", "--restart").status == 64)
  }

  @Test func `a drill needs the key alone, runs a command and is kept`() throws {
    let store = try Self.made(["one"])
    let coppice = store.coppice
    let command = CoppiceCommand.productFolder + "/coppice"
    let passed = try coppice.json(
      "backup", "drill", "offsite/main@one", "--run",
      "\(command) cat $COPPICE_BRANCH:a/b/hello && touch '\(coppice.folder("ran"))'")
    #expect(passed["isPassed"] as? Bool == true && passed["output"] as? String == "hello")
    #expect(passed["status"] as? Int == 0 && (passed["byteCount"] as? Int ?? 0) > 100_000)
    #expect(try coppice.script("ls ran").text == "ran\n")
    let drill = try #require(try store.copies()[0]["drill"] as? [String: Any])
    #expect(drill["status"] as? Int == 0 && drill["drilledAt"] is String)

    let failed = try coppice("backup", "drill", "offsite/main@one", "--run", "echo why; exit 7")
    #expect(failed.status == 2 && failed.text.contains("why"))
    #expect((try store.copies()[0]["drill"] as? [String: Any])?["status"] as? Int == 7)
    #expect(try coppice("backup", "drill", "offsite/main@one").status == 0)
    #expect(try coppice.script("ls -d coppice-drill-* 2> /dev/null || true").text == "")
    #expect(try store.failure("backup", "drill", "offsite/nothing").status == 3)
    store.objects.inject(S3Fault(.dropRequest, failing: .max))
    #expect(try coppice("backup", "drill", "offsite/main@one").status == 75)
  }
}
