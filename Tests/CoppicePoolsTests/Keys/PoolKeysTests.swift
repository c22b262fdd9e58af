import CoppiceErrors
import CoppiceFormat
import CoppicePools
import TestSupport
import Testing

@Suite struct PoolKeysTests {
  private let pool = SamplePools.make(seed: 1)
  private let name = PoolObjectName.segment(SegmentID(1))

  private func expect(
    _ kind: StoreError.Kind, _ body: () throws -> Void,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let error = #expect(throws: StoreError.self, sourceLocation: sourceLocation) { try body() }
    #expect(error?.kind == kind, "\(error.debugDescription)", sourceLocation: sourceLocation)
  }

  /// Whether what one ring of keys sealed for a domain opens with another.
  private func opens(_ sealing: PoolKeys, _ domain: DomainID?, with keys: PoolKeys) throws -> Bool {
    var random = SplitMix64(seed: 3)
    let key = try #require(sealing.sealingKey(of: domain))
    let object = ObjectBoxes.seal(
      [1, 2, 3], as: name, in: keys.pool, under: key, using: &random)
    return try BoxReader.openAll(object, of: name, keys: keys) == [1, 2, 3]
  }

  @Test func `an outer key opens the keys of its pool`() throws {
    let opened = try PoolKeys(of: pool.table, pool: SamplePool.id, opening: pool.outer)
    #expect(opened.sealingKey(of: nil)?.id == PoolKeyID(1))
    #expect(opened.sealingKey(of: .standard)?.id == PoolKeyID(2))
    #expect(opened.sealingKey(of: DomainID(9))?.id == nil)
    #expect(try opens(pool.keys, nil, with: opened) && opens(pool.keys, .standard, with: opened))
  }

  @Test func `another key is denied, and never damage`() throws {
    var random = SplitMix64(seed: 8)
    let wrong = OuterKey(
      pool: SamplePool.id, wrapper: pool.outer.wrapper, secret: PoolSecret(using: &random))
    expect(.denied) { _ = try PoolKeys(of: pool.table, pool: SamplePool.id, opening: wrong) }
    let other = SamplePools.make(seed: 2, id: StoreUUID(low: 1, high: 1))
    expect(.denied) { _ = try PoolKeys(of: pool.table, pool: SamplePool.id, opening: other.outer) }
    let gone = OuterKey(
      pool: SamplePool.id, wrapper: PoolWrapperID(7), secret: PoolSecret(using: &random))
    expect(.denied) { _ = try PoolKeys(of: pool.table, pool: SamplePool.id, opening: gone) }
    // The keys of another pool with the same identity: none can forge a table.
    let forged = SamplePools.make(seed: 4)
    expect(.denied) { _ = try PoolKeys(of: forged.table, pool: SamplePool.id, opening: pool.outer) }
  }

  @Test func `wrappers are added, removed and rotated without a change of the keys`() throws {
    var random = SplitMix64(seed: 5)
    var table = pool.table
    let second = table.addWrapper(label: "recovery", of: pool.keys, using: &random)
    #expect(table.wrappers.map(\.label) == ["first", "recovery"])
    for outer in [pool.outer, second] {
      let opened = try PoolKeys(of: table, pool: SamplePool.id, opening: outer)
      #expect(try opens(pool.keys, .standard, with: opened))
    }
    let rotated = try table.rotateWrapper(pool.outer.wrapper, of: pool.keys, using: &random)
    #expect(table.wrappers.map(\.label) == ["recovery", "first"])
    expect(.denied) { _ = try PoolKeys(of: table, pool: SamplePool.id, opening: pool.outer) }
    let opened = try PoolKeys(of: table, pool: SamplePool.id, opening: rotated)
    #expect(try opens(pool.keys, nil, with: opened))
    try table.removeWrapper(second.wrapper)
    expect(.denied) { _ = try PoolKeys(of: table, pool: SamplePool.id, opening: second) }
    expect(.notFound) { try table.removeWrapper(second.wrapper) }
    expect(.invalid) { try table.removeWrapper(rotated.wrapper) }
    // One that this version cannot open does not count.
    table.wrappers.append(
      PoolWrapper(
        id: PoolWrapperID(99), kind: 2, salt: random.bytes(16),
        wrapped: PoolWrappedKey(bytes: random.bytes(60)), label: "newer"))
    expect(.invalid) { try table.removeWrapper(rotated.wrapper) }
    let newer = OuterKey(
      pool: SamplePool.id, wrapper: PoolWrapperID(99), secret: PoolSecret(using: &random))
    expect(.unsupportedFormat) {
      _ = try PoolKeys(of: table, pool: SamplePool.id, opening: newer)
    }
    #expect(table.keys == pool.table.keys)
    #expect(try PoolKeyTable.decode(table.encode().span.bytes) == table)
  }

  @Test func `a new generation seals, and the one before opens what it sealed`() throws {
    var random = SplitMix64(seed: 6)
    var (table, keys) = (pool.table, pool.keys)
    let id = table.beginKey(of: .standard, at: SamplePool.time + 9, in: &keys, using: &random)
    #expect(id == PoolKeyID(3))
    #expect(table.keys.map(\.state) == [.current, .former, .current])
    for ring in [keys, try PoolKeys(of: table, pool: SamplePool.id, opening: pool.outer)] {
      #expect(ring.sealingKey(of: .standard)?.id == id)
      #expect(try ring.sealingKey(PoolKeyID(2)).id == PoolKeyID(2))
      #expect(try opens(pool.keys, .standard, with: ring) && opens(keys, .standard, with: ring))
    }
    expect(.denied) { _ = try opens(keys, .standard, with: pool.keys) }
    // Dropped keys keep their places, and open nothing.
    table.keys[1].state = .dropped
    table.keys[1].wrapped = .dropped
    let rest = try PoolKeys(of: table, pool: SamplePool.id, opening: pool.outer)
    expect(.denied) { _ = try opens(pool.keys, .standard, with: rest) }
  }

  @Test func `a wrapped key that was changed or moved is damage`() throws {
    for index in pool.table.keys.indices {
      var table = pool.table
      var bytes = table.keys[index].wrapped.bytes
      bytes[30] ^= 1
      table.keys[index].wrapped = PoolWrappedKey(bytes: bytes)
      expect(.corrupt) { _ = try PoolKeys(of: table, pool: SamplePool.id, opening: pool.outer) }
    }
    var table = pool.table
    table.keys[1].domain = DomainID(4)
    expect(.corrupt) { _ = try PoolKeys(of: table, pool: SamplePool.id, opening: pool.outer) }
    table = pool.table
    table.keys[0].wrapped = pool.table.keys[1].wrapped
    table.keys[1].wrapped = pool.table.keys[0].wrapped
    expect(.corrupt) { _ = try PoolKeys(of: table, pool: SamplePool.id, opening: pool.outer) }
  }

  @Test func `no secret is in any text`() {
    let text =
      "\(pool.outer) \(pool.outer.secret) \(String(reflecting: pool.outer))"
      + "\(pool.keys) \(String(reflecting: pool.keys)) \(dumped(pool.keys)) \(dumped(pool.outer))"
    let secret = pool.outer.secret.withUnsafeBytes { Array($0) }
    #expect(secret.count == PoolSecret.byteCount)
    for start in 0..<secret.count - 3 {
      #expect(!text.contains(secret[start..<start + 4].map { "\($0)" }.joined(separator: ", ")))
      #expect(!text.contains(hexadecimal(secret[start..<start + 4])))
    }
  }

  private func dumped(_ value: Any) -> String {
    var text = ""
    dump(value, to: &text)
    return text
  }
}

/// Two digits for each byte.
func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
  bytes.map { byte in
    let digits = String(byte, radix: 16)
    return byte < 16 ? "0" + digits : digits
  }.joined()
}
