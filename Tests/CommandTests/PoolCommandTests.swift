import Foundation
import Glibc
import S3TestServer
import TestSupport
import Testing

/// What goes into a pool comes out of it, by the command.
@Suite struct PoolCommandTests {
  @Test(arguments: [false, true])
  func `a branch comes back in another store as it was`(isServed: Bool) throws {
    let store = try PooledStore(makesPool: false)
    let coppice = store.coppice
    let server = isServed ? try ServingCoppice(coppice) : nil
    let added = try store.add("--create")
    #expect(added["isNew"] as? Bool == true && added["hasMadeKey"] as? Bool == true)
    #expect((added["writer"] as? String)?.hasSuffix("/store") == true)
    #expect(added["pool"] as? String != nil && added["keyFile"] as? String == store.keyFile)
    #expect(try coppice.script("stat -c %a pool.key").text == "600\n")

    let first = try coppice.json("push", "main", "offsite")
    #expect(first["name"] as? String == "main" && first["isUnchanged"] as? Bool == false)
    #expect((first["pageCount"] as? Int ?? 0) > 100)
    let before = try coppice.listing("tree")

    try coppice.script("printf 'changed' > tree/a/b/hello; seq 1 1000 > tree/more")
    try coppice.check("import", "--replace", "tree", "main")
    let second = try coppice.json("push", "main", "offsite", "--verify", "read")
    #expect(second["isVerified"] as? Bool == true)
    #expect((second["byteCount"] as? Int ?? .max) < (first["byteCount"] as? Int ?? 0) / 4)
    let changed = try coppice.listing("tree")
    #expect(before != changed)

    // A pull in place of what is there fetches nothing of what is equal.
    let other = try store.clone(bringing: "main")
    try other.coppice.check("export", "main", "out")
    #expect(try other.coppice.listing("out") == changed)
    try other.coppice.check("check")
    let again = try other.coppice.json("pull", "offsite/main", "--replace")
    #expect(again["pageCount"] as? Int == 0)
    let copy = try other.coppice.json("pull", "offsite/main", "copy")
    #expect(copy["branch"] as? String == "copy" && copy["domain"] as? String == "raw")
    #expect(try other.coppice("diff", "main", "copy", "--exit-code").status == 0)
    // New files get numbers of their own.
    try other.coppice.script("echo new > in")
    try other.coppice.check("put", "copy:added", input: other.coppice.folder("in"))
    #expect(try other.coppice.check("cat", "copy:added").text == "new\n")
    #expect(try other.coppice.check("cat", "main:a/b/hello").text == "changed")
    try other.coppice.check("scrub")
    try coppice.check("check")
    try server?.end(SIGTERM)
  }

  @Test func `a push of what the pool has costs three requests`() throws {
    let store = try PooledStore()
    try store.coppice.check("push", "main", "offsite")
    #expect(try store.requestCount(of: "push", "main", "offsite") == 3)
    let answer = try store.coppice.json("push", "main", "offsite")
    #expect(answer["isUnchanged"] as? Bool == true && answer["byteCount"] as? Int == 0)
    let traffic = try #require(answer["traffic"] as? [String: Int])
    #expect(traffic["requestCount"] == 3 && traffic["repeatCount"] == 0)
    #expect(try store.coppice.check("push", "main", "offsite").text.contains("is up to date"))
  }

  @Test func `snapshots are copies that stay`() throws {
    let store = try PooledStore()
    let coppice = store.coppice
    try coppice.check("snapshot", "create", "main@one")
    try coppice.check("push", "main@one", "offsite")
    try coppice.script("echo second > tree/a/b/hello")
    try coppice.check("import", "--replace", "tree", "main")
    try coppice.check("push", "main", "offsite")
    try coppice.check("push", "main", "offsite/main@two")
    try coppice.check("push", "main", "offsite/other")
    #expect(try store.copyNames() == ["main", "main@one", "main@two", "other"])
    #expect(try store.copyNames("--all").count == 4)
    let taken = try store.failure("push", "main", "offsite/main@one")
    #expect(taken.status == 4 && taken.object == "main@one")
    try coppice.check("push", "main@one", "offsite")
    // A newer state of a branch takes the place of the one before.
    try coppice.script("echo third > tree/a/b/hello")
    try coppice.check("import", "--replace", "tree", "main")
    try coppice.check("push", "main", "offsite")
    #expect(try store.copyNames().count == 4)
    let all = try coppice.json("backup", "list", "offsite/main", "--all")
    let states = (all["entries"] as? [[String: Any]])?.compactMap { $0["state"] as? String }
    #expect(states?.filter { $0 == "superseded" }.count == 1)

    try coppice.check("pull", "offsite/main@one", "first")
    try coppice.check("pull", "offsite/main@two", "second")
    #expect(try coppice.check("cat", "first:a/b/hello").text == "hello")
    #expect(try coppice.check("cat", "second:a/b/hello").text == "second\n")
    let copies = try store.copies()
    #expect(
      Set(copies[0].keys) == [
        "name", "id", "isSnapshot", "state", "domain", "class", "createdAt", "publishedAt",
        "verifiedAt", "drill", "isHeld", "heldUntil", "lockedUntil", "deletedAt",
        "logicalByteCount", "newByteCount",
      ])
    #expect(copies[0]["isSnapshot"] as? Bool == false && copies[1]["isSnapshot"] as? Bool == true)
    let text = try coppice.check("backup", "list").text
    #expect(text.contains("offsite/main@one") && text.contains("holds"))
  }

  @Test func `copies keep their trust domains`() throws {
    let store = try PooledStore()
    let coppice = store.coppice
    try coppice.check("domain", "create", "customer", "--class", "masked")
    try coppice.check("import", "tree", "apart", "--domain", "customer")
    try coppice.check("push", "apart", "offsite")
    let other = try store.clone()
    let pulled = try other.coppice.json("pull", "offsite/apart")
    #expect(pulled["domain"] as? String == "customer")
    let shown = try other.coppice.json("branch", "show", "apart")
    #expect(shown["class"] as? String == "masked")
    // The same name in another domain is another branch.
    try coppice.check("push", "main", "offsite")
    let moved = try store.failure("push", "apart", "offsite/main")
    #expect(moved.status == 64 && moved.message.contains("another trust domain"))
    let replaced = try store.failure("pull", "offsite/apart", "main", "--replace")
    #expect(replaced.status == 64 && replaced.message.contains("trust domain"))
    // A domain of that name for other data is not used.
    let third = try store.clone()
    try third.coppice.check("domain", "create", "customer", "--class", "schema")
    let refused = try third.failure("pull", "offsite/apart")
    #expect(refused.status == 64 && refused.object == "customer")
    #expect(try third.coppice("ls", "apart").status == 3)
  }

  @Test func `a clone without copies is an empty store of the family`() throws {
    let store = try PooledStore()
    try store.coppice.check("push", "main", "offsite")
    let other = try store.clone()
    #expect(try other.coppice.check("branch", "list").text == "")
    #expect(try other.copyNames() == ["main"])
    let missing = try PooledStore.command(store.objects, makesStore: false)
    let words = [
      "clone", PooledStore.url, missing.folder("store"), "--key-file", store.keyFile,
      "--endpoint", store.objects.endpoint, "--from", "mian",
    ]
    let failure = try missing.failure(all: words)
    #expect(failure.status == 3 && failure.remedy == "did you mean main?")
    let again = try missing.failure(all: words)
    #expect(again.status == 3)
    let taken = try store.failure([
      "clone", PooledStore.url, store.coppice.folder("store"), "--key-file", store.keyFile,
      "--endpoint", store.objects.endpoint,
    ])
    #expect(taken.status == 4)
  }

  @Test func `nothing of the content is in the object store`() throws {
    let store = try PooledStore()
    try store.coppice.script("for i in $(seq 2000); do echo known-words-$i; done > tree/known")
    try store.coppice.check("import", "--replace", "tree", "main")
    try store.coppice.check("push", "main", "offsite")
    for name in store.names() {
      let bytes = try #require(store.objects.bytes(of: name))
      #expect(Data(bytes).range(of: Data("known-words".utf8)) == nil, "\(name)")
      #expect(Data(bytes).range(of: Data("main".utf8)) == nil, "\(name)")
    }
    #expect(store.names("probe").isEmpty)
  }

  @Test func `a followed branch is pushed again until the command ends`() throws {
    let store = try PooledStore()
    let coppice = store.coppice
    let server = try ServingCoppice(coppice)
    let running = try coppice.program.start(
      ["push", "main", "offsite", "--follow", "1s"], in: coppice.folder.path)
    try waitUntil { try store.copyNames() == ["main"] }
    let before = try store.copies()[0]["id"] as? String
    try coppice.script("echo changed > tree/a/b/hello")
    try coppice.check("import", "--replace", "tree", "main")
    try waitUntil { try store.copies().first?["id"] as? String != before }
    running.send(signal: SIGINT)
    #expect(try running.wait().status == 130)
    try server.end(SIGTERM)
  }
}
