package import CoppiceErrors
package import CoppiceFormat
internal import CoppicePlatform

/// The keys of a pool, unwrapped: what reading and writing its objects takes.
package struct PoolKeys: Sendable {
  package let pool: StoreUUID
  let root: PoolSecret
  private var states: [PoolKeyID: State] = [:]

  private struct State: Sendable {
    /// `nil` when it was dropped.
    var secret: PoolSecret?
    var domain: DomainID?
    var isCurrent: Bool
  }

  /// Of a new pool, without any key yet.
  init(pool: StoreUUID, root: PoolSecret) {
    self.pool = pool
    self.root = root
  }

  /// Unwraps the keys of a table.
  ///
  /// - Parameters:
  ///   - pool: as the head's header says it.
  ///   - outer: what a key file or a command told.
  ///
  /// Throws `denied` for a key of another pool, and for one that does not open the pool, or does no
  /// more; `unsupportedFormat` for a wrapper of a kind that this version does not know; `corrupt`
  /// when a wrapped key is not what was wrapped.
  package init(
    of table: PoolKeyTable, pool: StoreUUID, opening outer: OuterKey
  ) throws(StoreError) {
    guard outer.pool == pool else {
      throw Self.refusal("is the key of the pool \(outer.pool), not of \(pool)")
    }
    guard let wrapper = table.wrappers.first(where: { $0.id == outer.wrapper }) else {
      throw Self.refusal("no longer opens the pool: its wrapper \(outer.wrapper.rawValue) is gone")
    }
    guard wrapper.kind == PoolWrapper.kindOuterKey else {
      throw StoreError(
        .unsupportedFormat, "opens the pool in a way that only a newer version knows",
        object: Self.keyObject, remedy: "use that version")
    }
    let opened = outer.secret.derived(
      salt: wrapper.salt, info: PoolWrapper.keyInfo(wrapper.id, pool: pool)
    ).unwrap(wrapper.wrapped, PoolWrapper.authenticatedData(wrapper.id, pool: pool))
    guard let root = opened else { throw Self.refusal("does not open the pool") }
    self.init(pool: pool, root: root)
    for key in table.keys { try add(key) }
  }

  private static let keyObject = "the pool's key"

  private static func refusal(_ message: String) -> StoreError {
    StoreError(
      .denied, message, object: keyObject,
      remedy: "name the key file, or the command, of this pool")
  }

  private mutating func add(_ key: PoolKey) throws(StoreError) {
    var secret: PoolSecret?
    if key.state != .dropped {
      secret = root.derived(info: key.keyInfo(pool: pool))
        .unwrap(key.wrapped, key.authenticatedData(pool: pool))
      guard secret != nil else {
        throw StoreError(
          .corrupt, "the wrapped key \(key.id.rawValue) is not what was wrapped",
          object: PoolObjectName.head.key)
      }
    }
    note(key, secret)
  }

  /// Notes what the table says of a key, and the key itself.
  mutating func note(_ key: PoolKey, _ secret: PoolSecret?) {
    states[key.id] = State(
      secret: secret, domain: key.domain, isCurrent: key.state == .current)
  }

  /// Notes that a key only opens from here on.
  mutating func end(_ id: PoolKeyID) { states[id]?.isCurrent = false }

  /// Throws `denied` for a key that there is not, or not any more.
  func secret(of id: PoolKeyID, for object: PoolObjectName) throws(StoreError) -> PoolSecret {
    guard let state = states[id] else {
      throw StoreError(
        .denied, "is sealed under the key \(id.rawValue), which the head does not list",
        object: object.key, remedy: "read the pool's head again")
    }
    guard let secret = state.secret else {
      throw StoreError(
        .denied, "is sealed under the key \(id.rawValue), which was dropped: nobody can read it",
        object: object.key)
    }
    return secret
  }

  /// The newest key that seals what a domain has, or, without one, what belongs to the pool; `nil`
  /// when there is none.
  package func sealingKey(of domain: DomainID?) -> PoolSealingKey? {
    let ids = states.filter { $0.value.isCurrent && $0.value.domain == domain }.map(\.key)
    guard let id = ids.max(), let secret = states[id]?.secret else { return nil }
    return PoolSealingKey(id: id, secret: secret)
  }

  /// A key by its id, which an open intent may name when it is no longer the current one.
  package func sealingKey(_ id: PoolKeyID) throws(StoreError) -> PoolSealingKey {
    PoolSealingKey(id: id, secret: try secret(of: id, for: .head))
  }
}

/// Keys under keys.
extension PoolSecret {
  func wrap(
    _ secret: PoolSecret, _ data: [UInt8], using generator: inout some RandomNumberGenerator
  ) -> PoolWrappedKey {
    var bytes = generator.bytes(PoolWrappedKey.nonceByteCount)
    let nonce = bytes
    secret.withUnsafeBytes { plain in
      seal(plain, nonce: nonce, authenticating: data, appendingTo: &bytes)
    }
    return PoolWrappedKey(bytes: bytes)
  }

  /// `nil` unless the key was wrapped by this one with that data.
  func unwrap(_ wrapped: PoolWrappedKey, _ data: [UInt8]) -> PoolSecret? {
    withUnsafeTemporaryAllocation(byteCount: Self.byteCount, alignment: 8) { buffer in
      defer { SecretMemory.erase(buffer) }
      let isOpened = wrapped.bytes.withUnsafeBytes { bytes in
        let split = PoolWrappedKey.byteCount - PoolBoxes.tagByteCount
        return open(
          UnsafeRawBufferPointer(rebasing: bytes[PoolWrappedKey.nonceByteCount..<split]),
          tag: UnsafeRawBufferPointer(rebasing: bytes[split...]),
          nonce: wrapped.bytes[..<PoolWrappedKey.nonceByteCount], authenticating: data,
          into: buffer)
      }
      return isOpened ? PoolSecret(copying: UnsafeRawBufferPointer(buffer)) : nil
    }
  }
}
