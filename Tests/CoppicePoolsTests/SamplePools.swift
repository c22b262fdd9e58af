import CoppiceFormat
import CoppicePools
import TestSupport

/// Pools with keys that are the same in every run.
enum SamplePools {
  struct Keys {
    var table: PoolKeyTable
    var keys: PoolKeys
    let outer: OuterKey
  }

  /// With the pool's own key, 1, and that of the standard domain, 2.
  static func make(seed: UInt64, id: StoreUUID = SamplePool.id) -> Keys {
    var random = SplitMix64(seed: seed)
    let made = PoolKeyTable.make(
      pool: id, label: "first", at: SamplePool.time, using: &random)
    var pool = Keys(table: made.table, keys: made.keys, outer: made.outer)
    pool.table.beginKey(
      of: .standard, at: SamplePool.time + 1, in: &pool.keys, using: &random)
    return pool
  }
}
