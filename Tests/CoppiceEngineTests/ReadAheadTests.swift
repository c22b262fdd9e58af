import CoppiceEngine
import CoppiceFormat
import TestSupport
import Testing

/// Hints change nothing but time, so these tests look at the hints themselves.
@Suite struct ReadAheadTests {
  private static let unit = 4096
  private static let pageCount = 64

  /// Pages that do not compress, so that each takes a place of its own.
  private static func noise(_ seed: UInt64, pageCount: Int = pageCount) -> [UInt8] {
    var generator = SplitMix64(seed: seed)
    return generator.bytes(pageCount * unit)
  }

  @Test func `a long read asks for its frames at once and neighbours together`() throws {
    let store = try TestStore()
    let main = try store.engine.branches.create(named: "main")
    let content = Self.noise(1)
    try main.put(1, content)
    try store.reopen()
    let again = try store.engine.branches.named("main")
    _ = store.disk.takeReadAheads()
    #expect(try again.get(1, content.count) == content)
    let hints = store.disk.takeReadAheads()
    #expect(hints.count == 1)
    #expect(hints.allSatisfy { $0.range.count >= content.count })
    // All is cached now.
    #expect(try again.get(1, content.count) == content)
    #expect(store.disk.takeReadAheads() == [])
  }

  @Test func `a difference is read together with its base`() throws {
    let store = try TestStore()
    let main = try store.engine.branches.create(named: "main")
    var content = Self.noise(2)
    try main.put(1, content)
    try store.engine.sealer.sealAll()
    let place = 9 * Self.unit + 100
    content[place] ^= 1
    try main.put(1, at: UInt64(place), [content[place]])
    try store.reopen()
    let again = try store.engine.branches.named("main")
    // The nodes, and with them where the base lies.
    _ = try again.get(1, at: 0, Self.unit)
    _ = store.disk.takeReadAheads()
    let page = try again.get(1, at: UInt64(9 * Self.unit), Self.unit)
    #expect(page == Array(content[9 * Self.unit..<10 * Self.unit]))
    let hints = store.disk.takeReadAheads()
    #expect(hints.count == 1)
    #expect(hints.first.map { $0.range.count >= Self.unit } == true)
  }
}
