import CoppiceErrors
import CoppiceFormat
import CoppicePools
import TestSupport
import Testing

@Suite struct ObjectBoxesTests {
  private let pool = SamplePools.make(seed: 1)
  private let name = PoolObjectName.segment(SegmentID(77))

  private func seal(
    _ content: [UInt8], as name: PoolObjectName, seed: UInt64 = 9
  ) throws -> [UInt8] {
    var random = SplitMix64(seed: seed)
    let key = try #require(pool.keys.sealingKey(of: nil))
    return ObjectBoxes.seal(content, as: name, in: SamplePool.id, under: key, using: &random)
  }

  private func content(_ byteCount: Int) -> [UInt8] {
    var random = SplitMix64(seed: UInt64(byteCount))
    return random.bytes(byteCount)
  }

  @Test(arguments: [0, 1, 16, 65_535, 65_536, 65_537, 131_072, 200_001])
  func `what was sealed opens, all of it and any boxes without the rest`(byteCount: Int) throws {
    let content = content(byteCount)
    let object = try seal(content, as: name)
    let boxes = PoolBoxes(contentByteCount: byteCount)
    #expect(object.count == boxes.objectByteCount)
    #expect(try BoxReader.openAll(object, of: name, keys: pool.keys) == content)
    let reader = try BoxReader(header: object.span.bytes, of: name, keys: pool.keys)
    for start in 0...boxes.count {
      for end in start...boxes.count {
        let stored = object[boxes.storedRange(of: start..<end)]
        let opened = try reader.open(start..<end, from: stored)
        #expect(opened == Array(content[boxes.contentRange(of: start..<end)]))
      }
    }
  }

  @Test func `no two objects have a key in common, and nothing of the content is seen`() throws {
    let text = Array(String(repeating: "a line that everybody knows\n", count: 3000).utf8)
    let first = try seal(text, as: name)
    let second = try seal(text, as: name, seed: 10)
    #expect(first.count == second.count)
    let equal = zip(first[96...], second[96...]).count { $0 == $1 }
    #expect(equal < first.count / 100)
    let line = Array("everybody".utf8)
    #expect(!first.indices.contains { first[$0...].starts(with: line) })
  }

  @Test func `every flipped byte is found`() throws {
    let object = try seal(content(70_000), as: name)
    var random = SplitMix64(seed: 3)
    let places = (0..<200).map { _ in random.below(object.count) }
    for place in Array(0..<200) + places + [65_647, 65_648] {
      var damaged = object
      damaged[place] ^= 1 << UInt8(random.below(8))
      let error = #expect(throws: StoreError.self, "byte \(place)") {
        try BoxReader.openAll(damaged, of: name, keys: pool.keys)
      }
      #expect(error?.kind == .corrupt)
      #expect(error?.object == name.key)
    }
  }

  /// As whoever can write to the object store, but has no key, would forge them.
  @Test func `a forged header opens nothing`() throws {
    let object = try seal(content(10), as: name)
    var header = try PoolObjectHeader.decode(object.span.bytes)
    let changes: [(inout PoolObjectHeader) -> Void] = [
      { $0.contentByteCount = 9 }, { $0.contentByteCount = 11 }, { $0.salt[5] ^= 1 },
    ]
    for change in changes {
      var forged = header
      change(&forged)
      expectCorrupt(forged.encode() + object[96...])
    }
    header.key = PoolKeyID(2)
    let error = #expect(throws: StoreError.self) {
      try BoxReader.openAll(header.encode() + object[96...], of: name, keys: pool.keys)
    }
    #expect(error?.kind == .corrupt)
  }

  @Test func `swapped boxes, cut tails and added ones are found`() throws {
    let object = try seal(content(3 * 65_536), as: name)
    func box(_ index: Int) -> ArraySlice<UInt8> {
      object[96 + index * 65_552..<96 + (index + 1) * 65_552]
    }
    let header = object[..<96]
    expectCorrupt(header + box(1) + box(0) + box(2))
    expectCorrupt(header + box(0) + box(1) + box(1))
    expectCorrupt(header + box(0) + box(1))
    expectCorrupt(Array(object.dropLast()))
    expectCorrupt(object + [0])
    expectCorrupt(Array(object[..<96]))
    // Shortened with a header that says so: the box that is last now says that it is not.
    var shorter = try PoolObjectHeader.decode(object.span.bytes)
    shorter.contentByteCount = 2 * 65_536
    expectCorrupt(shorter.encode() + box(0) + box(1))
    let reader = try BoxReader(header: object.span.bytes, of: name, keys: pool.keys)
    #expect(throws: StoreError.self) { try reader.open(1..<2, from: box(2)) }
    #expect(throws: StoreError.self) { try reader.open(1..<3, from: box(1)) }
    #expect(try reader.open(1..<2, from: box(1)).count == 65_536)
  }

  @Test func `no object stands for another`() throws {
    let object = try seal(content(10), as: name)
    for other in [
      PoolObjectName.segment(SegmentID(78)), .retired(cycle: 77), .head,
      .member(PoolMemberID(low: 77, high: 1)),
    ] {
      let error = #expect(throws: StoreError.self) {
        try BoxReader.openAll(object, of: other, keys: pool.keys)
      }
      #expect(error?.kind == .corrupt && error?.object == other.key)
    }
    // With a header that says the other name, the boxes do not open.
    let forged = PoolObjectHeader(
      .segment(SegmentID(78)), pool: SamplePool.id, key: PoolKeyID(1), contentByteCount: 10,
      salt: try PoolObjectHeader.decode(object.span.bytes).salt)
    let error = #expect(throws: StoreError.self) {
      try BoxReader.openAll(
        forged.encode() + object[96...], of: .segment(SegmentID(78)), keys: pool.keys)
    }
    #expect(error?.kind == .corrupt)
  }

  @Test func `an object under a key that there is not is denied, and one of a newer version told`()
    throws
  {
    let object = try seal(content(10), as: name)
    var header = try PoolObjectHeader.decode(object.span.bytes)
    header.key = PoolKeyID(9)
    let denied = #expect(throws: StoreError.self) {
      try BoxReader.openAll(header.encode() + object[96...], of: name, keys: pool.keys)
    }
    #expect(denied?.kind == .denied)
    var newer = object
    newer[4] = 2
    let unsupported = #expect(throws: StoreError.self) {
      try BoxReader.openAll(newer.sealedHeader(), of: name, keys: pool.keys)
    }
    #expect(unsupported?.kind == .unsupportedFormat)
    let foreign = SamplePools.make(seed: 5, id: StoreUUID(low: 1, high: 2))
    let other = #expect(throws: StoreError.self) {
      try BoxReader.openAll(object, of: name, keys: foreign.keys)
    }
    #expect(other?.kind == .corrupt)
  }

  private func expectCorrupt(
    _ object: some Collection<UInt8>, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let error = #expect(throws: StoreError.self, sourceLocation: sourceLocation) {
      try BoxReader.openAll(Array(object), of: name, keys: pool.keys)
    }
    #expect(error?.kind == .corrupt, sourceLocation: sourceLocation)
  }
}

extension [UInt8] {
  /// With the checksum of an object's header.
  func sealedHeader() -> [UInt8] { Array(self[..<96]).sealed(checksumAt: 88) + self[96...] }
}
