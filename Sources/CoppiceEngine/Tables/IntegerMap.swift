/// A hash map from 64-bit integers: open addressing with linear probing over two flat arrays.
///
/// The key `UInt64.max` is reserved. Not thread-safe.
struct IntegerMap<Value> {
  private static var vacant: UInt64 { .max }

  private var keys: [UInt64] = []
  private var values: [Value?] = []
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }

  /// Bytes of RAM that the two arrays take.
  var byteCount: Int { keys.count * 8 + values.count * MemoryLayout<Value?>.stride }

  private func home(of key: UInt64) -> Int {
    // Fibonacci hashing spreads runs of neighbouring keys over the whole table.
    let mixed = key &* 0x9E37_79B9_7F4A_7C15
    return Int(truncatingIfNeeded: mixed >> 20) & (keys.count - 1)
  }

  private func find(_ key: UInt64) -> Int? {
    guard count > 0 else { return nil }
    let mask = keys.count - 1
    var index = home(of: key)
    while keys[index] != Self.vacant {
      if keys[index] == key { return index }
      index = (index + 1) & mask
    }
    return nil
  }

  subscript(key: UInt64) -> Value? {
    guard let index = find(key) else { return nil }
    return values[index]
  }

  /// Returns the value that was there before.
  @discardableResult
  mutating func insert(_ value: Value, at key: UInt64) -> Value? {
    precondition(key != Self.vacant, "the reserved key")
    if (count + 1) * 4 > keys.count * 3 { grow() }
    let mask = keys.count - 1
    var index = home(of: key)
    while keys[index] != Self.vacant {
      if keys[index] == key {
        let old = values[index]
        values[index] = value
        return old
      }
      index = (index + 1) & mask
    }
    keys[index] = key
    values[index] = value
    count += 1
    return nil
  }

  /// Removes one key. Backward-shift deletion keeps every probe run free of gaps (Knuth, The Art
  /// of Computer Programming, volume 3, section 6.4, algorithm R).
  mutating func remove(_ key: UInt64) {
    guard var gap = find(key) else { return }
    let mask = keys.count - 1
    var index = (gap + 1) & mask
    while keys[index] != Self.vacant {
      let distance = (index &- home(of: keys[index])) & mask
      if distance >= (index &- gap) & mask {
        keys[gap] = keys[index]
        values[gap] = values[index]
        gap = index
      }
      index = (index + 1) & mask
    }
    keys[gap] = Self.vacant
    values[gap] = nil
    count -= 1
  }

  /// Removes all keys in `range`.
  mutating func remove(in range: Range<UInt64>) {
    guard count > 0, !range.isEmpty else { return }
    if range.upperBound - range.lowerBound < UInt64(count) {
      for key in range { remove(key) }
    } else {
      for key in sortedKeys() where range.contains(key) { remove(key) }
    }
  }

  private mutating func grow() {
    let oldKeys = keys
    let oldValues = values
    let capacity = max(8, keys.count * 2)
    keys = [UInt64](repeating: Self.vacant, count: capacity)
    values = [Value?](repeating: nil, count: capacity)
    count = 0
    for index in oldKeys.indices where oldKeys[index] != Self.vacant {
      if let value = oldValues[index] { insert(value, at: oldKeys[index]) }
    }
  }

  func sortedKeys() -> [UInt64] { keys.filter { $0 != Self.vacant }.sorted() }

  func forEach(_ body: (UInt64, Value) -> Void) {
    for index in keys.indices where keys[index] != Self.vacant {
      if let value = values[index] { body(keys[index], value) }
    }
  }
}

extension IntegerMap: Sendable where Value: Sendable {}
