import CoppiceEngine
import CoppiceFormat
import TestSupport
import Testing

@Suite struct PinnedViewTests {
  private static let page = 4096

  private func content(
    _ view: PinnedView, _ volume: UInt64 = 1
  ) throws -> [UInt8] {
    let count = Int(try view.attributes(of: VolumeNumber(volume))?.byteCount ?? 0)
    var bytes = [UInt8](repeating: 0xEE, count: count)
    let read = try bytes.withUnsafeMutableBytes {
      try view.read(VolumeNumber(volume), at: 0, into: $0)
    }
    return Array(bytes.prefix(read))
  }

  @Test func `a view that follows seals keeps its content, and no memory from writers`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 31)
    let main = try store.engine.branches.create(named: "main")
    let bytes = generator.bytes(50 * Self.page)
    try main.put(1, bytes)
    let following = try main.pinnedView(followsSeals: true)
    try store.engine.sealer.sealAll()
    #expect(store.engine.accounts.statistics.overlayByteCount == 0)
    for _ in 0..<3 {
      try main.put(1, generator.bytes(50 * Self.page))
      try store.engine.sealer.sealAll()
      _ = try store.engine.collector.collectGarbage(CollectionOptions())
      #expect(try content(following) == bytes)
      #expect(store.engine.accounts.statistics.overlayByteCount == 0)
    }
    store.engine.checkInvariants()
  }

  @Test func `a view that does not stays on the very same layers`() throws {
    let store = try TestStore()
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, [1, 2, 3])
    let view = try main.pinnedView()
    try store.engine.sealer.sealAll()
    #expect(store.engine.accounts.statistics.overlayByteCount > 0)
    #expect(try content(view) == [1, 2, 3])
  }

  @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
  func `views of random moments stay as they were`(seed: UInt64) throws {
    let store = try TestStore()
    var random = SplitMix64(seed: seed)
    let main = try store.engine.branches.create(named: "main")
    var model: [UInt8] = []
    var views: [(view: PinnedView, content: [UInt8])] = []
    for _ in 0..<120 {
      switch random.below(8) {
      case 0..<4:
        let offset = random.below(40) * Self.page / 2
        let bytes = random.bytes(random.below(6 * Self.page) + 1)
        try main.put(1, at: UInt64(offset), bytes)
        if model.count < offset + bytes.count {
          model += [UInt8](repeating: 0, count: offset + bytes.count - model.count)
        }
        model.replaceSubrange(offset..<offset + bytes.count, with: bytes)
      case 4: try store.engine.sealer.sealAll()
      case 5: _ = try store.engine.collector.collectGarbage(CollectionOptions())
      case 6:
        views.append((try main.pinnedView(followsSeals: true), model))
      default:
        if !views.isEmpty { views.remove(at: random.below(views.count)) }
      }
      if let (view, content) = views.randomElement(using: &random) {
        #expect(try self.content(view) == content)
      }
    }
    for (view, content) in views { #expect(try self.content(view) == content) }
    store.engine.checkInvariants()
  }
}
