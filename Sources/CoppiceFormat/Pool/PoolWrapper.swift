/// A key under another key.
///
///     nonce[12]   ciphertext[32]   tag[16]        60 bytes, AES-256-GCM
public struct PoolWrappedKey: Hashable, Sendable {
  public static let byteCount = 60
  public static let nonceByteCount = 12

  public let bytes: [UInt8]

  /// - Precondition: there are `byteCount` bytes.
  public init(bytes: [UInt8]) {
    precondition(bytes.count == Self.byteCount)
    self.bytes = bytes
  }

  /// Of a key that was dropped.
  public static let dropped = PoolWrappedKey(bytes: [UInt8](repeating: 0, count: byteCount))
}

/// The root key under an outer key, which a key file or a command tells.
///
///     id u32   kind u16 (1)   reserved u16   salt[16]   wrapped root key 60
///     label (byte count u16, UTF-8)
///
/// The key that it is wrapped with, and what is authenticated beside it:
///
///     wrapper's key   HKDF-SHA256, 32 bytes, of the outer key, salt[16] and this information:
///                     "coppice pool wrapper 1"   pool[16]   id u32
///     authenticated   pool[16]   id u32   kind u16
public struct PoolWrapper: Hashable, Sendable {
  static let byteCountMin = 86
  public static let saltByteCount = 16
  public static let labelByteCountMax: UInt16 = 200
  /// 32 bytes that a key file or a command tells.
  public static let kindOuterKey: UInt16 = 1

  public var id: PoolWrapperID
  /// One that this version does not know is kept, and opens nothing.
  public var kind: UInt16
  /// 16 random bytes.
  public var salt: [UInt8]
  public var wrapped: PoolWrappedKey
  /// What people call it. Not secret.
  public var label: String

  /// - Precondition: the salt has `saltByteCount` bytes.
  public init(
    id: PoolWrapperID, kind: UInt16 = kindOuterKey, salt: [UInt8], wrapped: PoolWrappedKey,
    label: String
  ) {
    precondition(salt.count == Self.saltByteCount)
    self.id = id
    self.kind = kind
    self.salt = salt
    self.wrapped = wrapped
    self.label = label
  }

  public static func keyInfo(_ id: PoolWrapperID, pool: StoreUUID) -> [UInt8] {
    var writer = ByteWriter(byteCapacity: 48)
    writer.append(raw: Array("coppice pool wrapper 1".utf8))
    writer.append(pool)
    writer.append(id.rawValue)
    return writer.bytes
  }

  public static func authenticatedData(
    _ id: PoolWrapperID, kind: UInt16 = kindOuterKey, pool: StoreUUID
  ) -> [UInt8] {
    var writer = ByteWriter(byteCapacity: 24)
    writer.append(pool)
    writer.append(id.rawValue)
    writer.append(kind)
    return writer.bytes
  }
}

extension ByteReader {
  mutating func poolWrapper() throws(FormatError) -> PoolWrapper {
    let id = PoolWrapperID(try integer())
    let kind: UInt16 = try integer()
    let reserved: UInt16 = try integer()
    guard reserved == 0 else { throw .malformed(what: "pool's wrapper") }
    let salt = Array(try bytes(PoolWrapper.saltByteCount))
    let wrapped = PoolWrappedKey(bytes: Array(try bytes(PoolWrappedKey.byteCount)))
    return PoolWrapper(
      id: id, kind: kind, salt: salt, wrapped: wrapped,
      label: try text("wrapper's label", atMost: PoolWrapper.labelByteCountMax))
  }
}

extension ByteWriter {
  mutating func append(_ wrapper: PoolWrapper) {
    append(wrapper.id.rawValue)
    append(wrapper.kind)
    append(UInt16(0))
    append(raw: wrapper.salt)
    append(raw: wrapper.wrapped.bytes)
    append(text: wrapper.label, atMost: PoolWrapper.labelByteCountMax)
  }
}
