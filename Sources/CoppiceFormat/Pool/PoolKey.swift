/// What a key of a pool is used for.
public enum PoolKeyState: UInt16, Sendable, CaseIterable {
  /// Seals and opens.
  case current = 1
  /// Opens what it sealed.
  case former = 2
  /// Gone: what it sealed cannot be read any more. Its place is kept, so that its id never returns.
  case dropped = 3
}

/// The pool's own key, or a data key of a domain in one generation, under the root key.
///
///     keyID u32   domain u32 (0xFFFFFFFF: the pool's own key)   state u16   flags u16
///     createdAt i64   wrapped key 60
///
/// States: 1 current: seals and opens; 2 former: opens; 3 dropped: then `wrapped` is zero. The key
/// that it is wrapped with, and what is authenticated beside it:
///
///     its key         HKDF-SHA256, 32 bytes, of the root key, no salt and this information:
///                     "coppice pool key 1"   pool[16]   keyID u32
///     authenticated   pool[16]   keyID u32   domain u32   createdAt i64
public struct PoolKey: Hashable, Sendable {
  static let byteCount = 80
  private static let poolCode = UInt32.max

  public var id: PoolKeyID
  /// `nil` for the pool's own key, which seals what belongs to no domain.
  public var domain: DomainID?
  public var state: PoolKeyState
  /// Nanoseconds since 1970.
  public var createdAt: Int64
  public var wrapped: PoolWrappedKey

  public init(
    id: PoolKeyID, domain: DomainID?, state: PoolKeyState = .current, createdAt: Int64,
    wrapped: PoolWrappedKey
  ) {
    self.id = id
    self.domain = domain
    self.state = state
    self.createdAt = createdAt
    self.wrapped = wrapped
  }

  private var domainCode: UInt32 { domain?.rawValue ?? Self.poolCode }

  public func keyInfo(pool: StoreUUID) -> [UInt8] {
    var writer = ByteWriter(byteCapacity: 48)
    writer.append(raw: Array("coppice pool key 1".utf8))
    writer.append(pool)
    writer.append(id.rawValue)
    return writer.bytes
  }

  public func authenticatedData(pool: StoreUUID) -> [UInt8] {
    var writer = ByteWriter(byteCapacity: 32)
    writer.append(pool)
    writer.append(id.rawValue)
    writer.append(domainCode)
    writer.append(createdAt)
    return writer.bytes
  }

  init(reading reader: inout ByteReader) throws(FormatError) {
    id = PoolKeyID(try reader.integer())
    let code: UInt32 = try reader.integer()
    domain = code == Self.poolCode ? nil : DomainID(code)
    let state: UInt16 = try reader.integer()
    let flags: UInt16 = try reader.integer()
    guard flags == 0 else { throw .unknownFlags(what: "pool's key", bits: UInt64(flags)) }
    guard let known = PoolKeyState(rawValue: state) else {
      throw .unsupported(what: "state of a pool's key", found: UInt64(state))
    }
    self.state = known
    createdAt = try reader.integer()
    wrapped = PoolWrappedKey(bytes: Array(try reader.bytes(PoolWrappedKey.byteCount)))
    guard (known == .dropped) == (wrapped == .dropped) else { throw .malformed(what: "pool's key") }
  }

  func append(to writer: inout ByteWriter) {
    writer.append(id.rawValue)
    writer.append(domainCode)
    writer.append(state.rawValue)
    writer.append(UInt16(0))
    writer.append(createdAt)
    writer.append(raw: wrapped.bytes)
  }
}
