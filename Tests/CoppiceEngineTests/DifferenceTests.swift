import CoppiceEngine
import CoppiceFormat
import Glibc
import TestSupport
import Testing

@Suite struct DifferenceTests {
  private static let unit = 4096

  private func differences(_ store: TestStore, _ old: EngineBranch, _ new: EngineBranch) throws
    -> [VolumeDifference]
  {
    let difference = BranchDifference(
      from: try old.pinnedView(), to: try new.pinnedView())
    var found: [VolumeDifference] = []
    try difference.forEachVolume { (volume) throws(StoreError) in found.append(volume) }
    return found
  }

  /// Pages at which two contents differ, the shorter one followed by zeros.
  private func changedPages(_ old: [UInt8], _ new: [UInt8]) -> [UInt64] {
    let count = (max(old.count, new.count) + Self.unit - 1) / Self.unit
    return (0..<count).filter { !isEqual(page($0, old), page($0, new)) }.map { UInt64($0) }
  }

  private func page(_ number: Int, _ bytes: [UInt8]) -> [UInt8] {
    let start = min(bytes.count, number * Self.unit)
    let own = Array(bytes[start..<min(bytes.count, start + Self.unit)])
    return own + [UInt8](repeating: 0, count: Self.unit - own.count)
  }

  private func isEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool { memcmp(a, b, a.count) == 0 }

  @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
  func `differences of random branches agree with comparing all bytes`(seed: UInt64) throws {
    let store = try TestStore()
    var history = RandomHistory(seed: seed)
    try history.run(store, stepCount: 60)
    // Odd seeds compare what is sealed, even ones leave writes in layers.
    if seed % 2 == 1 { try store.engine.sealer.sealAll() }
    let entries = store.engine.branches.entries().filter { !$0.flags.contains(.deleted) }
    var contents: [[UInt64: [UInt8]]] = []
    for entry in entries {
      let branch = try store.engine.branches.named(entry.name)
      var content: [UInt64: [UInt8]] = [:]
      for volume in [1, 301, 601] as [UInt64] { content[volume] = try branch.all(volume) }
      contents.append(content)
    }
    for (index, entry) in entries.enumerated() {
      let other = (index + 1) % entries.count
      let old = try store.engine.branches.named(entry.name)
      let new = try store.engine.branches.named(entries[other].name)
      let found = try differences(store, old, new)
      #expect(found.map(\.volume) == found.map(\.volume).sorted())
      for volume in [1, 301, 601] as [UInt64] {
        let number = VolumeNumber(volume)
        let own = found.first { $0.volume == number }
        let expected = changedPages(contents[index][volume] ?? [], contents[other][volume] ?? [])
        #expect((own?.pages ?? []).flatMap { Array($0) } == expected)
        let attributes = (try old.attributes(of: number), try new.attributes(of: number))
        #expect((own == nil) == (expected.isEmpty && attributes.0 == attributes.1))
        if let own { #expect(own.old == attributes.0 && own.new == attributes.1) }
      }
    }
  }

  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func `stored ranges cover all that is not zero`(seed: UInt64) throws {
    let store = try TestStore()
    var history = RandomHistory(seed: seed)
    try history.run(store, stepCount: 60)
    if seed % 2 == 1 { try store.engine.sealer.sealAll() }
    let zeros = [UInt8](repeating: 0, count: Self.unit)
    for entry in store.engine.branches.entries() where !entry.flags.contains(.deleted) {
      let branch = try store.engine.branches.named(entry.name)
      for volume in [1, 301, 601] as [UInt64] {
        guard let bytes = try branch.all(volume) else { continue }
        let ranges = try branch.storedRanges(
          of: VolumeNumber(volume), in: 0..<UInt64(bytes.count))
        for (one, next) in zip(ranges, ranges.dropFirst()) {
          #expect(one.upperBound < next.lowerBound)
        }
        for number in 0..<(bytes.count + Self.unit - 1) / Self.unit {
          let start = UInt64(number * Self.unit)
          let isStored = ranges.contains { $0.contains(start) }
          let isZero = isEqual(page(number, bytes), zeros)
          #expect(isStored || isZero)
          if seed % 2 == 1 { #expect(isStored != isZero) }
        }
      }
    }
  }

  @Test func `trees of different heights are compared by content`() throws {
    let store = try TestStore()
    let main = try store.engine.branches.create(named: "main")
    var generator = SplitMix64(seed: 3)
    let bytes = generator.bytes(20_000)
    try main.put(1, bytes)
    let child = try store.engine.branches.fork(main, named: "child", isReadOnly: false)
    let far: UInt64 = 70_000 * 4096 * 256
    try child.put(1, at: far, [1])
    for isSealed in [false, true] {
      if isSealed { try store.engine.sealer.sealAll() }
      let found = try #require(try differences(store, main, child).first)
      #expect(found.pages == [far / 4096..<far / 4096 + 1])
      #expect(found.old?.byteCount == 20_000)
      #expect(found.new?.byteCount == far + 1)
      #expect(
        try child.storedRanges(of: VolumeNumber(1), in: 0..<far + 1)
          == [0..<20_480, far..<far + 1])
    }
    #expect(try differences(store, child, child).isEmpty)
  }

  @Test func `unrelated branches of equal content differ in times only`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 4)
    let bytes = generator.bytes(600_000)
    let one = try store.engine.branches.create(named: "one")
    let two = try store.engine.branches.create(named: "two")
    try one.put(1, bytes, time: 5)
    try store.engine.sealer.sealAll()
    try two.put(1, bytes, time: 6)
    for isSealed in [false, true] {
      if isSealed { try store.engine.sealer.sealAll() }
      let found = try differences(store, one, two)
      #expect(found.map(\.pages) == [[]])
      #expect(found.first?.old?.modified == 5 && found.first?.new?.modified == 6)
    }
  }
}
