import Foundation
import S3TestServer
import TestSupport
import Testing

/// Who writes to a pool, and by which keys it is opened.
@Suite struct PoolMemberTests {
  @Test func `a second store reads, and writes once it takes the pool over`() throws {
    let first = try PooledStore()
    try first.coppice.check("push", "main", "offsite")
    let second = try first.clone(bringing: "main")
    try second.coppice.script("echo second > in")
    try second.coppice.check("put", "main:second", input: second.coppice.folder("in"))
    let refused = try second.failure("push", "main", "offsite")
    #expect(refused.status == 4 && refused.kind == "conflict")
    #expect(refused.message.contains(first.coppice.folder("store")))
    #expect(refused.remedy.contains("`coppice push REF REMOTE --take`"))
    #expect(try second.failure("backup", "delete", "offsite/main").status == 4)
    #expect(try second.failure("gc", "--remote", "offsite").status == 4)
    #expect(try second.copyNames() == ["main"])

    try second.coppice.check("push", "main", "offsite", "--take")
    try first.coppice.script("echo first > in")
    try first.coppice.check("put", "main:first", input: first.coppice.folder("in"))
    let evicted = try first.failure("push", "main", "offsite")
    #expect(evicted.status == 4 && evicted.error["reason"] as? String == "evicted")
    try first.coppice.check("pull", "offsite/main", "theirs")
    #expect(try first.coppice.check("cat", "theirs:second").text == "second\n")
    #expect(try first.coppice("cat", "main:second").status == 3)

    let checked = try first.coppice.json("remote", "check", "offsite")
    let members = try #require(checked["members"] as? [[String: Any]])
    #expect(members.map { $0["state"] as? String } == ["ended", "joined"])
    #expect(checked["roundCount"] as? Int == 16)
    try first.coppice.check("push", "main", "offsite", "--take")
    try second.coppice.check("put", "main:more", input: second.coppice.folder("in"))
    #expect(try second.failure("push", "main", "offsite").status == 4)
  }

  @Test func `a pool is taken over as it is added`() throws {
    let first = try PooledStore()
    try first.coppice.check("push", "main", "offsite")
    let second = try first.clone()
    try second.coppice.check("remote", "remove", "offsite")
    let added = try second.add("--take")
    let writer = try #require(added["writer"] as? String)
    #expect(writer.hasSuffix(second.coppice.folder("store")))
    try first.coppice.check("branch", "create", "empty")
    #expect(try first.failure("push", "empty", "offsite").status == 4)
  }

  @Test func `a copy of a store is refused until it rejoins`() throws {
    let store = try PooledStore()
    let coppice = store.coppice
    try coppice.check("push", "main", "offsite")
    try coppice.script("cp -a store copied; echo more > in")
    try coppice.check("put", "main:one", input: coppice.folder("in"))
    try coppice.check("push", "main", "offsite")
    let copied = store.with("COPPICE_STORE", coppice.folder("copied"))
    try copied.coppice.check("put", "main:two", input: coppice.folder("in"))
    let refused = try copied.failure("push", "main", "offsite")
    #expect(refused.status == 4 && refused.error["reason"] as? String == "copied")
    #expect(refused.remedy.hasPrefix("`coppice remote rejoin REMOTE`"))
    #expect(try copied.copyNames() == ["main"])
    let rejoined = try copied.coppice.json("remote", "rejoin", "offsite")
    #expect((rejoined["member"] as? String)?.hasSuffix("/copied") == true)
    try copied.coppice.check("push", "main", "offsite")
    try coppice.check("put", "main:three", input: coppice.folder("in"))
    #expect(try store.failure("push", "main", "offsite").status == 4)
  }

  @Test func `another pool in the place of one is noticed`() throws {
    let store = try PooledStore()
    try store.coppice.check("push", "main", "offsite")
    let old = try #require(store.objects.bytes(of: "\(PooledStore.prefix)/pool"))
    try store.coppice.check("remote", "key", "add", "offsite", "second.key")
    store.objects.setBytes(of: "\(PooledStore.prefix)/pool", to: old)
    let set = try store.failure("remote", "key", "add", "offsite", "third.key")
    #expect(set.status == 75 && set.error["reason"] as? String == "oldObject")
    store.objects.setBytes(of: "\(PooledStore.prefix)/pool", to: nil)
    let gone = try store.failure("backup", "list", "offsite")
    #expect(gone.status == 75 && gone.error["reason"] as? String == "oldObject")
  }

  @Test func `keys are added, exchanged and taken away`() throws {
    let store = try PooledStore()
    let coppice = store.coppice
    try coppice.check("push", "main", "offsite")
    let added = try coppice.json(
      "remote", "key", "add", "offsite", "recovery.key", "--label", "recovery")
    let keys = try #require(added["keys"] as? [[String: Any]])
    #expect(keys.map { $0["name"] as? String } == ["pool.key", "recovery"])
    #expect(keys.map { $0["isOwn"] as? Bool } == [true, false])
    #expect(try coppice.script("stat -c %a recovery.key").text == "600\n")
    #expect(try store.failure("remote", "key", "add", "offsite", "recovery.key").status == 4)
    #expect(try store.failure("remote", "key", "add", "offsite", "store/key").status == 64)
    let own = try store.failure("remote", "key", "remove", "offsite", "1")
    #expect(own.status == 64 && own.remedy.contains("another key"))
    #expect(try store.failure("remote", "key", "remove", "offsite", "9").status == 3)

    let rotated = try coppice.json("remote", "key", "rotate", "offsite", "new.key")
    #expect(rotated["keyFile"] as? String == coppice.folder("new.key"))
    let now = try #require(rotated["keys"] as? [[String: Any]])
    #expect(now.map { $0["name"] as? String } == ["recovery", "new.key"])
    #expect(now.map { $0["isOwn"] as? Bool } == [false, true])
    try coppice.check("pull", "offsite/main", "again")
    func clone(_ key: String, _ place: String) throws -> Program.Result {
      try coppice.run([
        "clone", PooledStore.url, place, "--key-file", key, "--endpoint", store.objects.endpoint,
        "--from", "main",
      ])
    }
    let former = try clone("pool.key", "former")
    #expect(former.status == 6 && former.errors.contains("no longer opens"))
    #expect(try clone("recovery.key", "recovered").status == 0)
    try coppice.check("remote", "key", "remove", "offsite", "2")
    #expect(try clone("recovery.key", "late").status == 6)
    let own2 = try store.failure("remote", "key", "remove", "offsite", "3")
    #expect(own2.status == 64)
    try coppice.check("check", "--remote", "offsite")
  }

  @Test func `remotes are listed, shown and removed without the object store`() throws {
    let store = try PooledStore()
    let count = store.objects.requests.count
    let list = try store.coppice.json("remote", "list")
    let remotes = try #require(list["remotes"] as? [[String: Any]])
    #expect(remotes.count == 1)
    let keys: Set = [
      "name", "url", "endpoint", "region", "isPathStyle", "credentials", "certificateFile",
      "keyFile", "keyCommand", "pool", "addedAt",
    ]
    #expect(Set(remotes[0].keys) == keys)
    #expect(remotes[0]["region"] is NSNull && remotes[0]["credentials"] as? String == "env")
    #expect(try Set(store.coppice.json("remote", "show", "offsite").keys) == keys)
    let text = try store.coppice.check("remote", "show", "offsite").text
    #expect(text.contains(PooledStore.url) && text.contains("key file \(store.keyFile)"))
    try store.coppice.check("remote", "remove", "offsite")
    #expect(try store.coppice.check("remote", "list").text == "")
    #expect(store.objects.requests.count == count)
    // What was noted of the pool stays, and so it is the same member again.
    try store.add()
    try store.coppice.check("push", "main", "offsite")
  }
}
