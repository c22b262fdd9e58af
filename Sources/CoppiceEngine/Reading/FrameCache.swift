internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// The decoded frames of a store. Thread-safe.
struct FrameCaches: Sendable {
  let pages: FrameCache<PageBuffer>
  let nodes: FrameCache<Node>

  init(pageByteCount: Int, pageCacheByteCount: Int, nodeCacheByteCount: Int) {
    pages = FrameCache(capacity: pageCacheByteCount / pageByteCount)
    nodes = FrameCache(capacity: nodeCacheByteCount / Node.byteCount)
  }

  /// Drops every entry whose name satisfies `isStale`.
  func remove(where isStale: (FrameName) -> Bool) {
    pages.remove(where: isStale)
    nodes.remove(where: isStale)
  }
}

/// Decoded frames by name, shared by all branches; bounded by a count of entries.
///
/// What is in the cache was verified: an entry carries the hash of its content. Sharded by name.
/// Eviction is CLOCK (Corbató 1968): an entry that was hit since the hand passed last stays, so a
/// long scan, whose entries are never hit again, leaves the working set alone.
final class FrameCache<Value: AnyObject & Sendable>: Sendable {
  private static var shardCount: Int { 64 }

  private struct Entry: Sendable {
    var name: FrameName
    var hash: PageHash
    var value: Value
    var isHit: Bool
    /// Whether the hash is one that a ref or a seal gave, not one made of what was read.
    var isProven: Bool
  }

  private struct Shard: Sendable {
    var slots = IntegerMap<Int>()
    var entries: [Entry] = []
    var hand = 0
    var hitCount = 0
    var missCount = 0
  }

  private let shards: [Lock]
  private let shardCapacity: Int

  private final class Lock: Sendable {
    let state = Mutex(Shard())
  }

  init(capacity: Int) {
    shardCapacity = max(4, capacity / Self.shardCount)
    shards = (0..<Self.shardCount).map { _ in Lock() }
  }

  private func shard(of name: FrameName) -> Lock {
    let mixed = name.rawValue &* 0x9E37_79B9_7F4A_7C15
    return shards[Int(mixed >> 58)]
  }

  /// The content of that name, if it is cached and has that hash.
  func value(_ name: FrameName, hash: PageHash) -> Value? {
    shard(of: name).state.withLock { shard in
      guard let slot = shard.slots[name.rawValue], shard.entries[slot].hash == hash else {
        shard.missCount += 1
        return nil
      }
      shard.hitCount += 1
      shard.entries[slot].isHit = true
      return shard.entries[slot].value
    }
  }

  /// What `body` makes of the content of that name, if it is cached and has that hash. Nobody
  /// retains it: `body` runs under the shard's lock and must be short.
  func withValue<Result>(
    _ name: FrameName, hash: PageHash, _ body: (borrowing Value) -> Result
  ) -> Result? {
    let lock = shard(of: name)
    return lock.state.withLock { shard in
      guard let slot = shard.slots[name.rawValue], shard.entries[slot].hash == hash else {
        return nil
      }
      shard.hitCount += 1
      shard.entries[slot].isHit = true
      return body(shard.entries[slot].value)
    }
  }

  /// The content of that name whatever its hash: for bases, whose derived frames are verified.
  func value(_ name: FrameName) -> Value? {
    shard(of: name).state.withLock { shard in
      guard let slot = shard.slots[name.rawValue] else { return nil }
      shard.entries[slot].isHit = true
      return shard.entries[slot].value
    }
  }

  /// Whether there is content of that name. Does not count as a use.
  func contains(_ name: FrameName) -> Bool {
    shard(of: name).state.withLock { $0.slots[name.rawValue] != nil }
  }

  /// Whether `value` is the cached content of that name, and what was once stored under it.
  func isProven(_ value: Value, _ name: FrameName) -> Bool {
    shard(of: name).state.withLock { shard in
      guard let slot = shard.slots[name.rawValue] else { return false }
      return shard.entries[slot].value === value && shard.entries[slot].isProven
    }
  }

  /// Notes that `value`, if it is the cached content of that name, is what was stored under it.
  func noteProof(of value: Value, _ name: FrameName) {
    shard(of: name).state.withLock { shard in
      guard let slot = shard.slots[name.rawValue], shard.entries[slot].value === value else {
        return
      }
      shard.entries[slot].isProven = true
    }
  }

  /// `hash` must be the hash of what `value` holds.
  func insert(_ value: Value, name: FrameName, hash: PageHash, isProven: Bool = true) {
    // The evicted value is released after the lock is.
    var evicted: Value?
    shard(of: name).state.withLock { shard in
      if let slot = shard.slots[name.rawValue] {
        evicted = shard.entries[slot].value
        shard.entries[slot] = Entry(
          name: name, hash: hash, value: value, isHit: true, isProven: isProven)
        return
      }
      let entry = Entry(
        name: name, hash: hash, value: value, isHit: false, isProven: isProven)
      if shard.entries.count < shardCapacity {
        shard.slots.insert(shard.entries.count, at: name.rawValue)
        shard.entries.append(entry)
        return
      }
      while shard.entries[shard.hand].isHit {
        shard.entries[shard.hand].isHit = false
        shard.hand = (shard.hand + 1) % shard.entries.count
      }
      let slot = shard.hand
      evicted = shard.entries[slot].value
      shard.slots.remove(shard.entries[slot].name.rawValue)
      shard.entries[slot] = entry
      shard.slots.insert(slot, at: name.rawValue)
      shard.hand = (slot + 1) % shard.entries.count
    }
    _ = evicted
  }

  /// Drops every entry whose name satisfies `isStale`.
  func remove(where isStale: (FrameName) -> Bool) {
    for lock in shards {
      lock.state.withLock { shard in
        let kept = shard.entries.filter { !isStale($0.name) }
        guard kept.count < shard.entries.count else { return }
        shard.entries = kept
        shard.hand = 0
        shard.slots = IntegerMap()
        for (slot, entry) in kept.enumerated() {
          shard.slots.insert(slot, at: entry.name.rawValue)
        }
      }
    }
  }

  var statistics: (entryCount: Int, hitCount: Int, missCount: Int) {
    shards.reduce((0, 0, 0)) { sum, lock in
      lock.state.withLock { (sum.0 + $0.entries.count, sum.1 + $0.hitCount, sum.2 + $0.missCount) }
    }
  }
}
