import CoppiceErrors
import CoppiceFormat
import CoppicePools
import TestSupport
import Testing

@Suite struct HeadObjectTests {
  private let pool = SamplePools.make(seed: 1)

  private func seal(_ table: PoolKeyTable) -> [UInt8] {
    var random = SplitMix64(seed: 2)
    return HeadObject.seal(SamplePool.head, table, keys: pool.keys, using: &random)
  }

  @Test func `a head opens by its key, and its table of keys without`() throws {
    let object = seal(pool.table)
    let plain = try HeadObject.plain(object)
    #expect(plain.pool == SamplePool.id && plain.table == pool.table)
    let opened = try HeadObject(object, opening: pool.outer)
    var head = opened.head
    #expect(head.keyTableDigest != SamplePool.head.keyTableDigest)
    head.keyTableDigest = SamplePool.head.keyTableDigest
    #expect(head == SamplePool.head && opened.table == pool.table)
    #expect(opened.keys.sealingKey(of: .standard)?.id == PoolKeyID(2))
  }

  @Test func `every flipped byte of a head and every cut is found, and no key denied for it`() {
    let object = seal(pool.table)
    for place in object.indices where place < 96 || place % 7 == 0 || place > object.count - 400 {
      var damaged = object
      damaged[place] ^= 1 << UInt8(place % 8)
      let error = #expect(throws: StoreError.self, "byte \(place)") {
        try HeadObject(damaged, opening: pool.outer)
      }
      #expect(error?.kind == .corrupt, "byte \(place)")
    }
    for count in stride(from: 0, to: object.count, by: 13) {
      let error = #expect(throws: StoreError.self) {
        try HeadObject(Array(object[..<count]), opening: pool.outer)
      }
      #expect(error?.kind == .corrupt, "\(count) bytes")
    }
    #expect(throws: StoreError.self) { try HeadObject(object + [0], opening: pool.outer) }
  }

  @Test func `a table of another state of the head is found`() throws {
    var random = SplitMix64(seed: 7)
    var table = pool.table
    _ = table.addWrapper(label: "second", of: pool.keys, using: &random)
    let (old, new) = (seal(pool.table), seal(table))
    let split = try PoolObjectHeader.decode(old.span.bytes).boxes.objectByteCount
    for mixed in [old[..<split] + new[split...], new[..<split] + old[split...]] {
      let error = #expect(throws: StoreError.self) {
        try HeadObject(Array(mixed), opening: pool.outer)
      }
      #expect(error?.kind == .corrupt)
    }
  }

  @Test func `another key is denied`() {
    let other = SamplePools.make(seed: 3)
    let error = #expect(throws: StoreError.self) {
      try HeadObject(seal(pool.table), opening: other.outer)
    }
    #expect(error?.kind == .denied)
  }

  @Test func `thousands of changed objects give an error`() {
    let object = seal(pool.table)
    var mutator = InputMutator(seed: 41, samples: [object])
    for _ in 0..<1000 {
      let changed = mutator.next()
      guard changed != object else { continue }
      let error = #expect(throws: StoreError.self) {
        try HeadObject(changed, opening: pool.outer)
      }
      #expect(error?.kind == .corrupt)
    }
  }
}
