import Coppice
import CoppiceEngine
import TestSupport
import Testing

/// Copies that move no bytes.
@Suite struct SharedCopyTests {
  let fixture: StoreFixture
  var store: Store { fixture.store }

  init() throws { fixture = try StoreFixture() }

  @Test func `a copy between branches shares what is stored and copies what is not`() throws {
    let main = try store.createBranch("main")
    var random = SplitMix64(seed: 5)
    let bytes = random.bytes(300 * 4096 + 100)
    let source = try main.open(main.writeFile("source", bytes))
    try store.engine.sealer.sealAll()
    let before = try store.statistics()
    let fresh = random.bytes(5000)
    let expected = Array(bytes[..<40_000]) + fresh + bytes[45_000...]
    try main.write(source.id, at: 40_000, fresh)

    let other = try store.createBranch("other")
    for (name, offset) in [("alike", UInt64(8192)), ("odd", 5)] {
      let target = try other.open(other.createFile(try FileName(name), in: .root).file)
      let count = try source.copy(0..<UInt64.max, to: target, at: offset)
      #expect(count == UInt64(bytes.count))
      #expect(try other.read(target.id, at: offset) == expected)
      #expect(try target.attributes().byteCount == offset + count)
      target.close()
      try store.engine.sealer.sealAll()
      let now = try store.statistics()
      let limit = before.uniqueByteCount + 5 * 4096
      #expect(offset == 5 || now.uniqueByteCount <= limit, "\(name)")
    }
    source.close()
    try store.delete(["main"])
    _ = try store.collectGarbage()
    try fixture.reopen()
    let again = try fixture.store.branch("other")
    #expect(try again.read(again.lookup("alike"), at: 8192) == expected)
    #expect(try fixture.store.engine.checks.check().findings.isEmpty)
  }
}
