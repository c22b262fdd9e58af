import CoppiceErrors
import CoppiceFormat
import CoppicePools
import TestSupport
import Testing

@Suite struct ObjectContentsTests {
  private let keys = SamplePools.make(seed: 1).keys

  @Test func `a member's object and a retired table open as what they were sealed`() throws {
    var random = SplitMix64(seed: 1)
    let member = SamplePool.poolMember.seal(keys: keys, using: &random)
    #expect(
      try PoolMember.open(member, of: SamplePool.member, keys: keys) == SamplePool.poolMember)
    let table = SamplePool.retiredTable.seal(keys: keys, using: &random)
    #expect(try PoolRetiredTable.open(table, of: 5, keys: keys) == SamplePool.retiredTable)
  }

  @Test func `a member whose id has only its first half in common is told apart`() throws {
    var random = SplitMix64(seed: 2)
    let object = SamplePool.poolMember.seal(keys: keys, using: &random)
    let alike = PoolMemberID(low: SamplePool.member.low, high: 1)
    let error = #expect(throws: StoreError.self) {
      try PoolMember.open(object, of: alike, keys: keys)
    }
    #expect(error?.kind == .corrupt)
    // A table that says another cycle than its name.
    let key = try #require(keys.sealingKey(of: nil))
    let table = ObjectBoxes.seal(
      SamplePool.retiredTable.encode(), as: .retired(cycle: 6), in: keys.pool, under: key,
      using: &random)
    let other = #expect(throws: StoreError.self) {
      try PoolRetiredTable.open(table, of: 6, keys: keys)
    }
    #expect(other?.kind == .corrupt)
  }
}
