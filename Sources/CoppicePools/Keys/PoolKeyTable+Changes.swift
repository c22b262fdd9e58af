package import CoppiceErrors
package import CoppiceFormat

/// What is done to the keys of a pool. All of it is pure: the changed table takes effect when a
/// change of the head has written it.
extension PoolKeyTable {
  /// The table of a new pool with one wrapper and the pool's own key, that key, and what opens the
  /// wrapper.
  package static func make(
    pool: StoreUUID, label: String, at time: Int64,
    using generator: inout some RandomNumberGenerator
  ) -> (table: PoolKeyTable, keys: PoolKeys, outer: OuterKey) {
    var table = PoolKeyTable()
    var keys = PoolKeys(pool: pool, root: PoolSecret(using: &generator))
    let outer = table.addWrapper(label: label, of: keys, using: &generator)
    table.beginKey(of: nil, at: time, in: &keys, using: &generator)
    return (table, keys, outer)
  }

  /// The table of a new pool that a key opens which was made, and kept, before the pool.
  package static func make(
    openedBy outer: OuterKey, label: String, at time: Int64,
    using generator: inout some RandomNumberGenerator
  ) -> (table: PoolKeyTable, keys: PoolKeys) {
    var table = PoolKeyTable()
    var keys = PoolKeys(pool: outer.pool, root: PoolSecret(using: &generator))
    table.append(outer, label: label, of: keys, using: &generator)
    table.beginKey(of: nil, at: time, in: &keys, using: &generator)
    return (table, keys)
  }

  /// Wraps the root key once more; returns what opens it.
  ///
  /// - Precondition: the label has at most `PoolWrapper.labelByteCountMax` bytes.
  package mutating func addWrapper(
    label: String, of keys: PoolKeys, using generator: inout some RandomNumberGenerator
  ) -> OuterKey {
    let outer = OuterKey(
      pool: keys.pool, wrapper: nextWrapper, secret: PoolSecret(using: &generator))
    append(outer, label: label, of: keys, using: &generator)
    return outer
  }

  /// Wraps the root key once more for a key that was made, and kept, before.
  ///
  /// Throws `conflict` when its number is not the next one any more.
  package mutating func addWrapper(
    _ outer: OuterKey, label: String, of keys: PoolKeys,
    using generator: inout some RandomNumberGenerator
  ) throws(StoreError) {
    guard outer.wrapper == nextWrapper else {
      throw StoreError(
        .conflict, "somebody else has changed the keys of the pool meanwhile", object: label,
        remedy: "try again, with a file that is not there")
    }
    append(outer, label: label, of: keys, using: &generator)
  }

  /// The number of the next wrapper.
  package var nextWrapper: PoolWrapperID {
    PoolWrapperID((wrappers.last?.id.rawValue ?? 0) + 1)
  }

  private mutating func append(
    _ outer: OuterKey, label: String, of keys: PoolKeys,
    using generator: inout some RandomNumberGenerator
  ) {
    let salt = generator.bytes(PoolWrapper.saltByteCount)
    let wrapped = outer.secret.derived(
      salt: salt, info: PoolWrapper.keyInfo(outer.wrapper, pool: keys.pool)
    ).wrap(
      keys.root, PoolWrapper.authenticatedData(outer.wrapper, pool: keys.pool), using: &generator)
    wrappers.append(PoolWrapper(id: outer.wrapper, salt: salt, wrapped: wrapped, label: label))
  }

  /// Throws `notFound`, and `invalid` for the last one that this version can open: without it
  /// nobody could read the pool.
  package mutating func removeWrapper(_ id: PoolWrapperID) throws(StoreError) {
    _ = try wrapper(id)
    let rest = wrappers.filter { $0.id != id }
    guard rest.contains(where: { $0.kind == PoolWrapper.kindOuterKey }) else {
      throw StoreError(
        .invalid, "is the last key of the pool, which nobody could read without it",
        object: "the key \(id.rawValue)", remedy: "add another one first")
    }
    wrappers = rest
  }

  /// Wraps the root key anew in place of a wrapper, whose outer key opens nothing from then on. The
  /// root key and those under it stay. Throws `notFound`.
  package mutating func rotateWrapper(
    _ id: PoolWrapperID, of keys: PoolKeys, using generator: inout some RandomNumberGenerator
  ) throws(StoreError) -> OuterKey {
    let label = try wrapper(id).label
    let outer = addWrapper(label: label, of: keys, using: &generator)
    wrappers.removeAll { $0.id == id }
    return outer
  }

  /// Begins a generation of a domain's key, or, without a domain, of the pool's own. The one before
  /// opens what it sealed.
  @discardableResult
  package mutating func beginKey(
    of domain: DomainID?, at time: Int64, in ring: inout PoolKeys,
    using generator: inout some RandomNumberGenerator
  ) -> PoolKeyID {
    for index in keys.indices where keys[index].domain == domain && keys[index].state == .current {
      keys[index].state = .former
      ring.end(keys[index].id)
    }
    let secret = PoolSecret(using: &generator)
    var key = PoolKey(
      id: PoolKeyID((keys.last?.id.rawValue ?? 0) + 1), domain: domain, createdAt: time,
      wrapped: .dropped)
    key.wrapped = ring.root.derived(info: key.keyInfo(pool: ring.pool))
      .wrap(secret, key.authenticatedData(pool: ring.pool), using: &generator)
    keys.append(key)
    ring.note(key, secret)
    return key.id
  }

  private func wrapper(_ id: PoolWrapperID) throws(StoreError) -> PoolWrapper {
    guard let wrapper = wrappers.first(where: { $0.id == id }) else {
      throw StoreError(.notFound, "there is no such key", object: "the key \(id.rawValue)")
    }
    return wrapper
  }
}
