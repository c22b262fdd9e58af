/// The name of a setting of the store: 1 to 255 bytes of UTF-8, told apart by its bytes.
public struct SettingKey: Hashable, Comparable, Sendable, CustomStringConvertible {
  public static let byteCountMax = 255
  public let bytes: [UInt8]

  /// `nil` for a key that is empty or too long.
  public init?(_ text: String) {
    bytes = Array(text.utf8)
    if bytes.isEmpty || bytes.count > Self.byteCountMax { return nil }
  }

  /// Of the setting that has a trust domain's number and class.
  public init?(domainNamed name: String) { self.init(Self.domainPrefix + name) }

  /// The name of the trust domain whose setting it is; `nil` for another setting.
  public var domainName: String? {
    let prefix = Self.domainPrefix.utf8
    guard bytes.starts(with: prefix) else { return nil }
    return String(decoding: bytes.dropFirst(prefix.count), as: UTF8.self)
  }

  private static let domainPrefix = "domain/"

  public static func < (a: Self, b: Self) -> Bool { a.bytes.lexicographicallyPrecedes(b.bytes) }
  public var description: String { String(decoding: bytes, as: UTF8.self) }

  init(reading reader: inout ByteReader) throws(FormatError) {
    let text = try reader.text("setting's key", atMost: UInt16(Self.byteCountMax))
    guard let key = SettingKey(text) else { throw .malformed(what: "setting's key") }
    self = key
  }
}

/// Something that the store keeps for its users, byte for byte.
///
///     key (byte count u16, UTF-8)   byteCount u32   value
public struct Setting: Hashable, Sendable {
  static let byteCountMin = 7
  public static let valueByteCountMax = 64 << 10
  /// Bytes of all settings of a store.
  public static let allByteCountMax = 16 << 20

  public var key: SettingKey
  public var value: [UInt8]

  public init(_ key: SettingKey, _ value: [UInt8]) {
    self.key = key
    self.value = value
  }

  /// As stored.
  public var byteCount: Int { 6 + key.bytes.count + value.count }
}

extension ByteReader {
  /// All settings of a store, keys ascending, each once.
  mutating func settings() throws(FormatError) -> [Setting] {
    let start = remainingByteCount
    var last: SettingKey?
    let settings = try array(of: Setting.byteCountMin) { (reader) throws(FormatError) in
      let key = try SettingKey(reading: &reader)
      guard last.map({ $0 < key }) ?? true else { throw .malformed(what: "settings") }
      last = key
      guard let value = try reader.changedValue(atMost: Setting.valueByteCountMax) else {
        throw .malformed(what: "setting")
      }
      return Setting(key, value)
    }
    let byteCount = start - remainingByteCount - MemoryLayout<UInt32>.size
    guard byteCount <= Setting.allByteCountMax else {
      throw .outOfRange(
        what: "byte count of settings", value: UInt64(byteCount),
        limit: UInt64(Setting.allByteCountMax))
    }
    return settings
  }
}

extension ByteWriter {
  mutating func append(_ settings: [Setting]) {
    append(count: settings.count)
    for setting in settings {
      append(setting.key)
      append(changed: setting.value)
    }
  }

  mutating func append(_ key: SettingKey) { append(text: key.description) }
}

extension Setting {
  /// In a catalogue that a repair put together, without the ends and the policy that were: whoever
  /// ends branches waits until somebody has looked.
  public static let repaired: Setting = {
    guard let key = SettingKey("lifecycle") else { preconditionFailure("a legal key") }
    return Setting(key, Array("repaired".utf8))
  }()
}
