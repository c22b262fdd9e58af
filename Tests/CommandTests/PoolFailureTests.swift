import Foundation
import Glibc
import S3TestServer
import TestSupport
import Testing

/// What fails in the middle leaves nothing half done, and goes on.
@Suite struct PoolFailureTests {
  /// A store with more than one segment to push.
  private static func made() throws -> PooledStore {
    let store = try PooledStore()
    try store.coppice.script("head -c 40M /dev/urandom > tree/noise")
    try store.coppice.check("import", "--replace", "tree", "main")
    return store
  }

  @Test func `a push that was killed goes on where it stopped`() throws {
    let store = try Self.made()
    store.objects.inject(
      S3Fault(.hold, "PUT", prefix: "\(PooledStore.prefix)/segments/", passing: 2, failing: 1))
    let running = try store.coppice.program.start(
      ["push", "main", "offsite"], in: store.coppice.folder.path)
    try waitUntil { store.objects.heldCount == 1 }
    running.send(signal: SIGKILL)
    _ = try running.wait()
    #expect(try store.copyNames().isEmpty)
    store.objects.releaseHeld()
    try store.coppice.check("push", "main", "offsite")
    let other = try store.clone(bringing: "main")
    #expect(try other.coppice.check("check", "--remote", "offsite").text.contains("No damage"))
    try other.coppice.check("export", "main", "out")
    #expect(
      try other.coppice.script("sha256sum < out/noise").text
        == store.coppice.script("sha256sum < tree/noise").text)
  }

  @Test func `credentials that end in the middle are read again, else the push is denied`() throws {
    let store = try Self.made()
    store.objects.inject(
      S3Fault(
        .status(403, code: "ExpiredToken"), prefix: "\(PooledStore.prefix)/segments/", passing: 2,
        failing: .max))
    let failure = try store.failure("push", "main", "offsite")
    #expect(failure.status == 6 && failure.remedy.contains("credentials"))
    #expect(try store.failure("pull", "offsite/main", "x").status == 3)
    store.objects.clearFaults()
    try store.coppice.check("push", "main", "offsite")
    try store.coppice.check("pull", "offsite/main", "x")
  }

  @Test func `a branch with damaged pages is named, and no copy of it appears`() throws {
    let store = try Self.made()
    try store.coppice.script(
      """
      largest=$(find store/segments -type f -printf '%s %p\\n' | sort -n | tail -1 | cut -d' ' -f2)
      printf 'damage' | dd of=$largest bs=1 seek=4000000 conv=notrunc status=none
      """)
    let failure = try store.failure("push", "main", "offsite")
    #expect(failure.status == 8 && failure.kind == "corrupt")
    #expect(try store.copyNames().isEmpty)
  }

  @Test(.enabled(if: getuid() == 0, "mounting a small file system needs root"))
  func `a full disk in a pull leaves no branch, and the store is unharmed`() throws {
    let store = try Self.made()
    try store.coppice.check("push", "main", "offsite")
    let other = try PooledStore.command(store.objects, makesStore: false)
    try other.script("mkdir small && mount -t tmpfs -o size=32m tmpfs small")
    defer { _ = try? other.script("umount small") }
    let failure = try other.failure(
      all: [
        "clone", PooledStore.url, other.folder("small/store"), "--key-file", store.keyFile,
        "--endpoint", store.objects.endpoint, "--from", "main",
      ])
    #expect(failure.status == 7 && failure.kind == "full")
    for words in [["check"], ["branch", "create", "new"], ["check"]] {
      #expect(try other.run(words + ["--store", "small/store"]).status == 0, "\(words)")
    }
    #expect(try other.run(["ls", "main", "--store", "small/store"]).status == 3)
  }

  @Test func `a pull is whole or not there at all`() throws {
    let store = try Self.made()
    try store.coppice.check("push", "main", "offsite")
    store.objects.inject(
      S3Fault(
        .status(500), "GET", prefix: "\(PooledStore.prefix)/segments/", passing: 6,
        failing: .max))
    #expect(try store.failure("pull", "offsite/main", "x").status == 75)
    store.objects.clearFaults()
    #expect(try store.coppice("ls", "x").status == 3)
    try store.coppice.check("pull", "offsite/main", "x")
    #expect(try store.coppice("diff", "main", "x", "--exit-code").status == 0)
  }
}
