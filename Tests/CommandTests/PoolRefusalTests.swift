import Foundation
import Glibc
import S3TestServer
import TestSupport
import Testing

/// What is refused before anything is done, with the reason.
@Suite struct PoolRefusalTests {
  @Test func `a place that cannot be meant`() throws {
    let store = try PooledStore(makesPool: false)
    let long = String(repeating: "x", count: 600)
    let places = [
      "s3://", "s3:///prefix", "s3://bucket", "s3://bucket/", "s3://bucket/a/../b",
      "s3://bucket/..", "s3://bucket/a//b", "s3://bucket/./a", "s3://bucket/\(long)",
      "s3://b/prefix", "https://bucket/prefix", "bucket/prefix", "",
    ]
    for place in places {
      let failure = try store.failure(store.adding(["--create"], at: place))
      #expect(failure.status == 64, "\(place)")
      #expect(failure.remedy.contains("s3://BUCKET/PREFIX"), "\(place): \(failure.remedy)")
    }
    #expect(store.objects.requests.isEmpty)
    #expect(try store.coppice.script("ls pool.key 2> /dev/null || true").text == "")
  }

  @Test func `an endpoint or credentials that cannot be meant`() throws {
    let store = try PooledStore(makesPool: false)
    let words = ["remote", "add", "offsite", PooledStore.url, "--key-file", "k", "--create"]
    for endpoint in ["http://192.0.2.1:9000", "http://example.org", "ftp://x", "example.org", ""] {
      let failure = try store.failure(words + ["--endpoint", endpoint])
      #expect(failure.status == 64 && failure.kind == "invalid", "\(endpoint)")
      #expect(!failure.remedy.isEmpty, "\(endpoint)")
    }
    let plain = try store.failure(words + ["--endpoint", "http://example.org"])
    #expect(plain.message.contains("this machine only"))
    let instance = try store.failure(
      words + ["--endpoint", store.objects.endpoint, "--credentials", "instance"])
    #expect(instance.status == 64 && instance.remedy.contains("env"))
    let file = try store.failure(
      words + ["--endpoint", store.objects.endpoint, "--credentials", "nowhere"])
    #expect(file.status == 6 && "\(file)".contains("nowhere"))
    let authority = try store.failure(
      words + ["--endpoint", store.objects.endpoint, "--ca-file", "nowhere.pem"])
    #expect(authority.status == 3 && authority.object.hasSuffix("nowhere.pem"))
    #expect(store.objects.requests.isEmpty)
  }

  @Test func `a bucket that there is none of`() throws {
    let store = try PooledStore(makesPool: false)
    let failure = try store.failure(
      store.adding(["--create"], at: "s3://elsewhere/backups"))
    #expect(failure.status == 64 && "\(failure)".contains("no such bucket"))
  }

  @Test func `a name that a remote cannot have, or that is taken`() throws {
    let store = try PooledStore()
    for name in ["", "a/b", "a@b", "a:b", ".hidden"] {
      #expect(try store.failure(store.adding(["--create"], as: name)).status == 64, "\(name)")
    }
    let taken = try store.failure(store.adding(["--create"]))
    #expect(taken.status == 4 && taken.object == "offsite")
    let second = try store.failure(store.adding([], as: "again"))
    #expect(second.status == 4 && second.message.contains("as offsite"))
    let same = try store.failure(
      store.adding(["--create"], as: "again", at: "s3://bucket/other"))
    #expect(same.status == 4 && same.message.contains("as offsite"), "the same key")
    let unknown = try store.failure("push", "main", "ofsite")
    #expect(unknown.status == 3 && unknown.remedy == "did you mean offsite?")
    for words in [
      ["remote", "show", "x"], ["remote", "check", "x"], ["remote", "remove", "x"],
      ["pull", "x/main", "y"], ["backup", "list", "x"], ["gc", "--remote", "x"],
    ] {
      #expect(try store.failure(words).status == 3, "\(words)")
    }
    #expect(try store.failure("push", "nothing", "offsite").status == 3)
    #expect(try store.failure("push", "main", "offsite/a:b").status == 64)
    #expect(try store.failure("pull", "offsite/nothing").status == 3)
    #expect(try store.coppice("pull", "offsite").status == 64)
    #expect(try store.failure("pull", "offsite/main", "a:b").status == 64)
  }

  @Test func `a key that others can read, that is in the store, or that is none`() throws {
    let store = try PooledStore()
    let coppice = store.coppice
    try coppice.check("push", "main", "offsite")
    let inside = try store.failure(
      store.adding(["--create"], as: "two", at: "s3://bucket/two", key: coppice.folder("store/key"))
    )
    #expect(inside.status == 64 && inside.message.contains("in the store"))
    #expect(inside.remedy.contains("outside"))
    try coppice.script("cp pool.key store/inner.key; cp pool.key open.key; chmod 644 open.key")
    try coppice.script(": > empty.key; echo words > other.key; chmod 600 empty.key other.key")
    try coppice.check("remote", "remove", "offsite")
    func refused(_ key: String) throws -> CoppiceCommand.Failure {
      try store.failure(store.adding([], key: coppice.folder(key)))
    }
    let lying = try refused("store/inner.key")
    #expect(lying.status == 64 && lying.message.contains("in the store"))
    let readable = try refused("open.key")
    #expect(readable.status == 6 && readable.message.contains("644"))
    #expect(readable.remedy.contains("chmod 600"))
    let empty = try refused("empty.key")
    #expect(empty.status == 64 && empty.message == "is empty")
    #expect(try refused("other.key").status == 64)
    #expect(try refused("missing.key").status == 3)
    for words in [[], ["--key-file", "a", "--key-command", "b"]] {
      let result = try coppice.run(["remote", "add", "x", PooledStore.url] + words)
      #expect(result.status == 64, "\(words)")
    }
    try store.add()
    try coppice.script("chmod 640 pool.key")
    let later = try store.failure("push", "main", "offsite")
    #expect(later.status == 6 && later.object == store.keyFile)
  }

  @Test func `a key of another pool`() throws {
    let store = try PooledStore()
    let coppice = store.coppice
    let key = coppice.folder("two.key")
    _ = try coppice.json(
      all: store.adding(["--create"], as: "two", at: "s3://bucket/two", key: key))
    try coppice.check("remote", "remove", "two")
    try coppice.check("remote", "remove", "offsite")
    let wrong = try store.failure(store.adding([], key: key))
    #expect(wrong.status == 6 && wrong.message.contains("another pool"))
    let creating = try store.failure(store.adding(["--create"], key: key))
    #expect(creating.status == 4 && creating.message.contains("another pool lies there"))
    let anew = try store.failure(
      store.adding(["--create"], key: coppice.folder("three.key")))
    #expect(anew.status == 4)
    #expect(try coppice.script("ls three.key 2> /dev/null || true").text == "")
    try store.add()
    try coppice.script("cp two.key pool.key")
    let exchanged = try store.failure("push", "main", "offsite")
    #expect(exchanged.status == 6 && exchanged.object == store.keyFile)
    #expect(exchanged.message.contains("not of"))
  }

  @Test func `a key command that fails, prints no key, or prints one`() throws {
    let store = try PooledStore()
    let coppice = store.coppice
    try coppice.check("push", "main", "offsite")
    try coppice.check("remote", "remove", "offsite")
    func words(_ command: String) -> [String] {
      ["remote", "add", "offsite", PooledStore.url, "--key-command", command]
        + ["--endpoint", store.objects.endpoint]
    }
    #expect(try store.failure(words("exit 3")).status == 75)
    #expect(try store.failure(words("echo words")).status == 64)
    let added = try coppice.json(all: words("cat '\(store.keyFile)'"))
    #expect(added["keyFile"] is NSNull && added["keyCommand"] is String)
    #expect(try store.copyNames() == ["main"])
    let shown = try coppice.check("remote", "show", "offsite").text
    let secret = try coppice.script("grep ^key pool.key | cut -d' ' -f2").text.dropLast()
    #expect(shown.contains("key command") && !shown.contains(secret))
    #expect(
      try coppice.script("grep -rq \(secret) store && echo found || echo none").text == "none\n")
  }

  @Test func `a place without a pool, or with the pool of another family`() throws {
    let store = try PooledStore()
    let nowhere = try store.failure(store.adding([], as: "two", at: "s3://bucket/two"))
    #expect(nowhere.status == 4, "its key is known")
    let stranger = try PooledStore.command(store.objects, makesStore: true)
    let key = store.keyFile
    let none = try stranger.failure(
      all: store.adding([], as: "two", at: "s3://bucket/two", key: key))
    #expect(none.status == 3 && none.remedy.contains("--create"))
    let family = try stranger.failure(all: store.adding([], key: key))
    #expect(family.status == 64 && family.message.contains("family"))
    var other = try PooledStore.command(store.objects, makesStore: false)
    other.program.environment["COPPICE_STORE"] = other.folder("store")
    try other.check("init", "--page-size", "4KiB")
    let pages = try other.failure(all: store.adding([], key: key))
    #expect(pages.status == 64 && pages.message.contains("4096"))
    #expect(try other.check("remote", "list").text == "")
  }

  @Test func `an object store that breaks its promises`() throws {
    let store = try PooledStore(makesPool: false)
    store.objects.behaviour.conditions = .ignored
    let failure = try store.failure(store.adding(["--create"]))
    #expect(failure.status == 64 && failure.message.contains("must not be used"))
    #expect(failure.remedy.contains("another object store"))
    #expect(store.names().isEmpty)
    #expect(try store.coppice.script("ls pool.key 2> /dev/null || true").text == "")
  }

  @Test func `wrong credentials, and an object store that does not answer`() throws {
    let store = try PooledStore()
    try store.coppice.check("push", "main", "offsite")
    let wrong = store.with("AWS_SECRET_ACCESS_KEY", "other")
    for words in [["push", "main", "offsite"], ["pull", "offsite/main", "x"]] {
      let failure = try wrong.failure(words)
      #expect(failure.status == 6 && failure.remedy.contains("credentials"), "\(words)")
    }
    let none = store.with("AWS_ACCESS_KEY_ID", "")
    let failure = try none.failure("backup", "list", "offsite")
    #expect(failure.status == 6 && "\(failure)".contains("AWS_ACCESS_KEY_ID"))
    try store.coppice.script(
      """
      printf '[default]\\naws_access_key_id = %s\\naws_secret_access_key = %s\\n' \
      "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" > credentials
      """, with: store.coppice.program.environment)
    try none.coppice.check("remote", "remove", "offsite")
    try none.coppice.program.check(
      store.adding(["--credentials", "credentials"]), in: store.coppice.folder.path)
    #expect(try none.copyNames() == ["main"])
  }

  @Test func `an object store that is down is status 75`() throws {
    let store = try PooledStore()
    try store.coppice.check("push", "main", "offsite")
    store.objects.inject(S3Fault(.dropRequest, failing: .max))
    let failure = try store.failure("push", "main", "offsite")
    #expect(failure.status == 75 && failure.error["reason"] as? String == "unreachable")
    store.objects.clearFaults()
    try store.coppice.check("push", "main", "offsite")
  }

  @Test func `a branch that exists is not pulled over, and open files are not`() throws {
    let store = try PooledStore()
    try store.coppice.check("push", "main", "offsite")
    let taken = try store.failure("pull", "offsite/main")
    #expect(taken.status == 4 && taken.remedy.contains("--replace"))
    try store.coppice.check("branch", "protect", "main")
    #expect(try store.failure("pull", "offsite/main", "--replace").status == 6)
  }
}
