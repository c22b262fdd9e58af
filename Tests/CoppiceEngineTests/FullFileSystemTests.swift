import CoppiceEngine
import CoppiceFormat
import CoppicePlatform
import Glibc
import TestSupport
import Testing

/// A real file system without room. Skipped without root, but never where everything must run.
@Suite(
  .enabled(
    if: getenv("CI") != nil || getuid() == 0, "mounting a small file system needs root"))
struct FullFileSystemTests {
  private static let page = 4096

  /// An ext4 of that many MiB on a loop device, taken away when released.
  private final class SmallFileSystem {
    let folder: TemporaryFolder
    var path: String { folder("mount") }

    init(mebibyteCount: Int) throws {
      folder = try TemporaryFolder()
      try Program("bash").check(
        [
          "-euc",
          """
          mkdir mount; truncate -s \(mebibyteCount)M image
          mkfs.ext4 -q -m 0 -O ^has_journal image; mount -o loop image mount
          """,
        ], in: folder.path)
    }

    deinit {
      // Also when the test failed with files open.
      _ = try? Program("umount").run(["--lazy", path])
    }
  }

  @Test func `a full ext4 refuses writes, and reads, deletes, collects and writes again`() throws {
    let small = try SmallFileSystem(mebibyteCount: 96)
    let disk = try DirectoryDisk(path: "\(small.path)/store", creating: true)
    let clock = SystemClock()
    var options = EngineOptions.small
    options.overlayByteCountMax = 32 << 20
    var generator = SplitMix64(seed: 1)
    try Engine.create(disk: disk, clock: clock, options: options) { generator.bytes($0) }
    var engine = try Engine.open(disk: disk, clock: clock, options: options)
    let main = try engine.branches.create(named: "main")
    let kept = generator.bytes(2000 * Self.page)
    try main.put(1, kept)
    try engine.sealer.sealAll()
    var collection = CollectionOptions()
    collection.isFull = true
    // Ends the open segment.
    _ = try engine.collector.collectGarbage(collection)
    let doomed = try engine.branches.create(named: "doomed")
    for round in 0..<5 as Range<UInt64> {
      try doomed.put(1, at: round << 24, generator.bytes(2000 * Self.page))
      try engine.sealer.sealAll()
    }
    try engine.checkpointer.write()
    #expect(access("\(small.path)/store/reserve", F_OK) == 0)
    // Somebody else takes the rest.
    let rest = try Program("bash").run(
      ["-c", "cat /dev/zero > \(small.path)/other"], in: small.folder.path)
    #expect(rest.status != 0)
    var failure: StoreError?
    for round in 0..<40 as Range<UInt64> where failure == nil {
      do {
        try main.put(2, at: round << 22, generator.bytes(500 * Self.page))
        try engine.sealer.sealStep(.pressure)
      } catch let error as StoreError { failure = error }
    }
    #expect(failure?.kind == .full)
    #expect(try main.all(1) == kept)
    try engine.branches.delete([doomed])
    let report = try engine.collector.collectGarbage(collection)
    #expect(report.reclaimedByteCount >= 5 * 2000 * Self.page)
    try main.put(3, generator.bytes(500 * Self.page))
    try engine.sealer.sealAll()
    try engine.close()
    engine = try Engine.open(disk: disk, clock: clock, options: options)
    #expect(try engine.branches.named("main").all(1) == kept)
    #expect(try engine.checks.check().findings == [])
    try engine.close()
  }
}
