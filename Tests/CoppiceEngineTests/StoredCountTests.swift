import CoppiceEngine
import CoppiceFormat
import TestSupport
import Testing

/// How much of a volume is stored, as listings of files show it.
struct StoredCountTests {
  private static let page = 4096
  private static let unit = UInt64(page)
  private static let bytes = [UInt8](repeating: 3, count: page)

  private func resize(_ branch: EngineBranch, to byteCount: UInt64) throws {
    var change = Transaction(time: 1)
    change.resize(VolumeNumber(5), to: byteCount)
    _ = try branch.commit(change)
  }

  private func punch(_ branch: EngineBranch, _ pages: Range<UInt64>) throws {
    var change = Transaction(time: 1)
    change.hole(
      VolumeNumber(5), at: pages.lowerBound * Self.unit,
      byteCount: UInt64(pages.count) * Self.unit)
    _ = try branch.commit(change)
  }

  @Test func `holes do not count, in layers, in the tree, and in one over the other`() throws {
    let store = try TestStore()
    _ = try store.engine.branches.create(named: "main")
    func main() throws -> EngineBranch { try store.engine.branches.named("main") }
    func stored() throws -> UInt64 { try main().storedByteCount(of: VolumeNumber(5)) / Self.unit }
    #expect(try stored() == 0)
    // As large as five levels reach.
    try resize(main(), to: 1 << 40)
    for page: UInt64 in [0, 1, 1000, 1 << 20, 1 << 27] {
      try main().put(5, at: page * Self.unit, Self.bytes)
    }
    #expect(try stored() == 5)
    try store.reopen()
    #expect(try stored() == 5)
    #expect(try stored() == 5)
    try punch(main(), 1000..<(1 << 20) + 1)
    #expect(try stored() == 3)
    // A page over one that is stored may count twice until it is sealed.
    try main().put(5, at: Self.unit, Self.bytes.map { $0 + 1 })
    #expect(try (3...4).contains(stored()))
    try store.reopen()
    #expect(try stored() == 3)
    try resize(main(), to: Self.unit + 1)
    #expect(try main().storedByteCount(of: VolumeNumber(5)) == Self.unit + 1)
    try resize(main(), to: 0)
    #expect(try stored() == 0)
    try store.reopen()
    #expect(try stored() == 0)
  }

  @Test func `it is never less than what is stored`() throws {
    let store = try TestStore()
    var random = SplitMix64(seed: 12)
    var branch = try store.engine.branches.create(named: "main")
    for step in 0..<300 {
      let first = UInt64(random.below(2000))
      switch random.below(8) {
      case 0: try resize(branch, to: first * Self.unit)
      case 1, 2: try punch(branch, first..<first + UInt64(1 + random.below(600)))
      case 3 where step % 20 == 0:
        try store.reopen()
        branch = try store.engine.branches.named("main")
      default:
        let count = 1 + random.below(20)
        try branch.put(
          5, at: first * Self.unit,
          [UInt8](repeating: UInt8(1 + step % 250), count: count * Self.page))
      }
      let volume = VolumeNumber(5)
      let end = try branch.attributes(of: volume)?.byteCount ?? 0
      let exact = try branch.storedRanges(of: volume, in: 0..<max(end, 1)).reduce(0) {
        $0 + $1.count
      }
      let found = try branch.storedByteCount(of: volume)
      #expect(found >= UInt64(exact) && found <= end, "step \(step)")
    }
  }
}
