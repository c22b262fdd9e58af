import Coppice
import CoppiceEngine
import CoppiceFormat
import Synchronization
import TestSupport
import Testing

/// A names tree over memory, with a dictionary that says what it should hold.
final class NamesModel {
  let space: MemorySpace
  let cache: NamesCache
  var expected: [NamesKey: [UInt8]] = [:]

  init(pageByteCount: Int = 4096) throws {
    space = MemorySpace(pageByteCount: pageByteCount)
    cache = NamesCache(space: space)
    let root = NamesKey.inode(VolumeNumber(1))
    expected[root] = try cache.current().lookup(root) { Array($0) }
  }

  func change(_ body: (NamesTransaction) throws -> Void) throws {
    let names = NamesTransaction(base: try cache.current())
    try body(names)
    var operations = Transaction(time: 1)
    let changes = try names.finish(into: &operations)
    cache.beginCommit()
    _ = try space.commit(operations)
    cache.endCommit(changes)
  }

  func put(_ key: NamesKey, _ value: [UInt8], _ names: NamesTransaction) throws {
    try names.put(key, value)
    expected[key] = value
  }

  func remove(_ key: NamesKey, _ names: NamesTransaction) throws {
    let wasThere = try names.remove(key)
    #expect(wasThere == (expected.removeValue(forKey: key) != nil))
  }

  /// The tree as cached and as stored hold what is expected, in order, and are sound.
  func check() throws {
    for names in [try cache.current(), try NamesCache(space: space).current()] {
      #expect(NamesChecker.check(names) == [])
      try checkFreeBytes(of: names)
      var found: [(NamesKey, [UInt8])] = []
      try names.walk(prefix: NamesKey(bytes: [])) { cell, page throws(StoreError) in
        let value = try names.withValue(of: cell, in: page) { Array($0) }
        found.append((NamesKey(bytes: Array(cell.key)), value))
        return true
      }
      let sorted = expected.sorted { $0.key < $1.key }
      #expect(found.map(\.0) == sorted.map(\.key))
      #expect(found.map(\.1) == sorted.map(\.value))
    }
  }

  /// What no cell takes is zero: nothing is left of what was removed.
  private func checkFreeBytes(of names: CommittedNames) throws {
    for number in 1..<names.header.pageCount {
      let image = try names.image(of: number)
      var rest = Array(UnsafeRawBufferPointer(image.contents))
      let page = try NamesPage(UnsafeRawBufferPointer(image.contents))
      rest.replaceSubrange(
        0..<NamesPage.headerByteCount, with: repeatElement(0, count: NamesPage.headerByteCount))
      func take(_ bytes: UnsafeRawBufferPointer, headerByteCount: Int) {
        guard let start = page.bytes.baseAddress, let place = bytes.baseAddress else { return }
        for index in (place - start - headerByteCount)..<(place - start + bytes.count) {
          rest[index] = 0
        }
      }
      for index in 0..<page.cellCount {
        let cell = try page.cell(at: index)
        take(cell.key, headerByteCount: NamesPage.cellHeaderByteCount)
        take(cell.value, headerByteCount: 0)
        for byte in 0..<2 { rest[NamesPage.headerByteCount + 2 * index + byte] = 0 }
      }
      if page.kind == .overflow { take(try page.overflowPayload(), headerByteCount: 0) }
      #expect(rest.allSatisfy { $0 == 0 }, "names page \(number), a \(page.kind) page")
    }
  }
}

@Suite struct NamesTreeTests {
  static func key(_ random: inout SplitMix64) -> NamesKey {
    let file = VolumeNumber(UInt64.random(in: 1...300, using: &random))
    switch Int.random(in: 0..<8, using: &random) {
    case 0...2: return .inode(file)
    case 3...5: return .entry(VolumeNumber(file.rawValue % 5 + 1), name(&random))
    case 6: return .attribute(file, name(&random))
    default: return .orphan(file)
    }
  }

  static func name(_ random: inout SplitMix64) -> [UInt8] {
    let isLong = Int.random(in: 0..<10, using: &random) == 0
    let count = isLong ? Int.random(in: 1...255, using: &random) : 3
    return (0..<count).map { _ in UInt8.random(in: 97...110, using: &random) }
  }

  static func value(_ random: inout SplitMix64) -> [UInt8] {
    let count =
      switch Int.random(in: 0..<40, using: &random) {
      case 0: Int.random(in: 0...65536, using: &random)
      case 1...4: Int.random(in: 0...3000, using: &random)
      default: Int.random(in: 0...100, using: &random)
      }
    let first = UInt8.random(in: .min ... .max, using: &random)
    return (0..<count).map { first &+ UInt8(truncatingIfNeeded: $0) }
  }

  @Test(arguments: [(4096, 1), (4096, 2), (8192, 3), (65536, 4)])
  func `a tree under random changes holds what a dictionary holds`(
    pageByteCount: Int, seed: UInt64
  ) throws {
    var random = SplitMix64(seed: seed)
    let model = try NamesModel(pageByteCount: pageByteCount)
    for round in 0..<120 {
      // Grows for a third of the time, shrinks for a third, then both at once.
      let removals = [1, 8, 5][round / 40]
      try model.change { names in
        for _ in 0..<Int.random(in: 1...30, using: &random) {
          if Int.random(in: 0..<10, using: &random) < removals,
            let key = model.expected.keys.sorted().randomElement(using: &random)
          {
            try model.remove(key, names)
          } else {
            try model.put(Self.key(&random), Self.value(&random), names)
          }
        }
      }
      if round % 10 == 9 { try model.check() }
    }
    try model.change { names in
      for key in model.expected.keys.sorted() { try model.remove(key, names) }
    }
    try model.check()
    let header = try model.cache.current().header
    #expect(header.depth == 1 && header.cellCount == 0)
    #expect(header.freePageCount == header.pageCount - 2)
  }

  @Test func `a key that comes and goes costs few bytes of journal`() throws {
    let model = try NamesModel(pageByteCount: 8192)
    let inode = [UInt8](repeating: 7, count: 72)
    try model.change { names in
      for number in 2..<50 as Range<UInt64> {
        try model.put(.inode(VolumeNumber(number)), inode, names)
      }
    }
    let before = model.space.state.withLock { $0.committedByteCount }
    try model.change { names in try model.put(.inode(VolumeNumber(60)), inode, names) }
    let after = model.space.state.withLock { $0.committedByteCount }
    #expect(after - before < 250)
    try model.check()
  }

  /// Of a page that is new, only what is not zero is written; not so of the next change of it.
  @Test func `zeros take the place of what a new page held`() throws {
    let model = try NamesModel()
    for byte in [UInt8(0xAA), 0, 0xBB, 0] {
      try model.change { names in
        for number in 2..<200 as Range<UInt64> {
          let value = [UInt8](repeating: byte, count: number % 20 == 0 ? 9000 : 100)
          try model.put(.inode(VolumeNumber(number)), value, names)
        }
      }
      try model.check()
    }
  }

  @Test func `keys that arrive in order fill their pages`() throws {
    let model = try NamesModel(pageByteCount: 4096)
    for start in stride(from: 2, to: 2002, by: 100) {
      try model.change { names in
        for number in start..<start + 100 {
          try model.put(
            .inode(VolumeNumber(UInt64(number))), [UInt8](repeating: 1, count: 72), names)
        }
      }
    }
    // 84 bytes a cell with its slot: 48 cells a page.
    #expect(try model.cache.current().header.pageCount < 2000 / 48 + 5)
    try model.check()
  }

  @Test func `a transaction that is given up leaves no trace`() throws {
    let model = try NamesModel()
    let names = NamesTransaction(base: try model.cache.current())
    try names.put(.inode(VolumeNumber(9)), [1, 2, 3])
    #expect(try names.contains(.inode(VolumeNumber(9))))
    try model.check()
  }

  @Test func `a damaged page is reported and never trusted`() throws {
    let model = try NamesModel()
    var random = SplitMix64(seed: 11)
    try model.change { names in
      for _ in 0..<300 { try model.put(Self.key(&random), Self.value(&random), names) }
    }
    let sound = model.space.state.withLock { $0.volumes }
    var findingCount = 0
    for _ in 0..<400 {
      model.space.state.withLock { state in
        state.volumes = sound
        guard var bytes = sound[.names]?.bytes else { return }
        for _ in 0..<Int.random(in: 1...4, using: &random) {
          let page = Int.random(in: 0..<bytes.count / 4096, using: &random)
          let offset = Int.random(in: 0..<80, using: &random)
          bytes[page * 4096 + offset] = UInt8.random(in: .min ... .max, using: &random)
        }
        state.volumes[.names]?.bytes = bytes
      }
      let cache = NamesCache(space: model.space)
      do throws(StoreError) {
        let names = try cache.current()
        findingCount += NamesChecker.check(names).isEmpty ? 0 : 1
        let changes = NamesTransaction(base: names)
        for _ in 0..<20 {
          let key = Self.key(&random)
          try changes.put(key, Self.value(&random))
          try changes.remove(Self.key(&random))
        }
      } catch {
        #expect(error.kind == .corrupt || error.kind == .full)
        findingCount += 1
      }
    }
    #expect(findingCount > 200)
  }

  @Test func `only the ranges that differ are written`() {
    var random = SplitMix64(seed: 5)
    for _ in 0..<300 {
      let old = (0..<512).map { _ in UInt8.random(in: 0...1, using: &random) }
      var new = old
      for _ in 0..<Int.random(in: 0...6, using: &random) {
        new[Int.random(in: 0..<512, using: &random)] ^= 3
      }
      var ranges: [Range<Int>] = []
      old.withUnsafeBytes { old in
        new.withUnsafeBytes { new in
          NamesDifference.forEachChange(from: old, to: new) { ranges.append($0) }
        }
      }
      var patched = old
      for range in ranges { patched[range] = new[range] }
      #expect(patched == new)
      for (range, following) in zip(ranges, ranges.dropFirst()) {
        #expect(following.lowerBound - range.upperBound >= NamesDifference.gapByteCountMax)
      }
      for range in ranges {
        #expect(old[range.lowerBound] != new[range.lowerBound])
        #expect(old[range.upperBound - 1] != new[range.upperBound - 1])
      }
    }
  }
}
