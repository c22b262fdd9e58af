import CoppiceFormat
import CoppicePools
import Foundation
import TestSupport
import Testing

/// The pool written by the first version of the format opens, and holds what it held.
@Suite(.serialized) struct GoldenPoolTests {
  private static let folder = StoredStore.folder.appending(path: "format-1/pool")
  private static let keyFile = StoredStore.folder.appending(path: "format-1/pool-key.txt")
  private static let listing = StoredStore.folder.appending(path: "format-1/pool.txt")
  private static let reader = StoredStore.folder.deletingLastPathComponent()
    .appending(path: "Tests/PoolReader/read_pool.py").path
  private static let python = Program("/usr/bin/python3")

  /// Of Debian: python3-cryptography and python3-zstandard.
  private static let canRead =
    (try? python.run(["-c", "import cryptography, zstandard"]).status) == 0

  private let golden = GoldenPool()

  init() throws {
    guard StoredStore.isWriting else { return }
    try? FileManager.default.removeItem(at: Self.folder)
    for (key, bytes) in golden.objects {
      let path = Self.folder.appending(path: key)
      try FileManager.default.createDirectory(
        at: path.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(bytes).write(to: path)
    }
    try Data(golden.outer.text()).write(to: Self.keyFile)
    let lines = try PoolListing.lines(golden.objects, golden.outer)
    try (lines.joined(separator: "\n") + "\n").write(
      to: Self.listing, atomically: true, encoding: .utf8)
  }

  private func stored() throws -> (objects: [String: [UInt8]], outer: OuterKey) {
    var objects: [String: [UInt8]] = [:]
    for key in try FileManager.default.subpathsOfDirectory(atPath: Self.folder.path)
    where PoolObjectName(key: key) != nil {
      objects[key] = [UInt8](try Data(contentsOf: Self.folder.appending(path: key)))
    }
    let text = [UInt8](try Data(contentsOf: Self.keyFile))
    return (objects, try OuterKey(text: text, source: "the key file"))
  }

  @Test func `a pool of format 1 opens and holds what it held`() throws {
    let (objects, outer) = try stored()
    #expect(Set(objects.keys) == Set(golden.objects.keys))
    let head = try HeadObject(objects["pool"] ?? [], opening: outer)
    var expected = SamplePool.head
    expected.keyTableDigest = head.head.keyTableDigest
    #expect(head.head == expected)
    let member = objects[PoolObjectName.member(SamplePool.member).key] ?? []
    #expect(
      try PoolMember.open(member, of: SamplePool.member, keys: head.keys)
        == SamplePool.poolMember)
    let retired = objects[PoolObjectName.retired(cycle: 5).key] ?? []
    #expect(
      try PoolRetiredTable.open(retired, of: 5, keys: head.keys) == SamplePool.retiredTable)
    let name = PoolObjectName.segment(GoldenPool.segment)
    let segment = try BoxReader.openAll(objects[name.key] ?? [], of: name, keys: head.keys)
    let header = try SegmentHeader.decode(segment.span.bytes)
    #expect(header.uuid == SamplePool.id && header.segment == GoldenPool.segment)
    #expect(segment.count > PoolBoxes.boxByteCount)
    let lines = try PoolListing.lines(objects, outer)
    #expect(
      try lines.joined(separator: "\n") + "\n"
        == String(contentsOf: Self.listing, encoding: .utf8))
  }

  @Test(.enabled(if: canRead))
  func `a reader that knows only the format page lists the pool`() throws {
    let result = try Self.python.check([Self.reader, Self.folder.path, Self.keyFile.path])
    #expect(try result.text == String(contentsOf: Self.listing, encoding: .utf8))
  }

  @Test(.enabled(if: canRead))
  func `that reader refuses a damaged pool, and another key`() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.copyItem(atPath: Self.folder.path, toPath: folder("pool"))
    let segment = "pool/" + PoolObjectName.segment(GoldenPool.segment).key
    var bytes = try TemporaryFolder.bytes(of: folder(segment))
    bytes[70_000] ^= 1
    try folder.write(segment, bytes)
    let damaged = try Self.python.run([Self.reader, folder("pool"), Self.keyFile.path])
    #expect(damaged.status == 1 && damaged.errors.contains("box 1 is not what was sealed"))
    var random = SplitMix64(seed: 1)
    let wrong = OuterKey(
      pool: SamplePool.id, wrapper: golden.outer.wrapper, secret: PoolSecret(using: &random))
    try folder.write("wrong", wrong.text())
    let denied = try Self.python.run([Self.reader, Self.folder.path, folder("wrong")])
    #expect(denied.status == 6 && denied.errors.contains("does not open the pool"))
  }
}
