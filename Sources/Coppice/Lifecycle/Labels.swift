internal import CoppiceFormat
internal import CoppicePlatform

/// The rules for labels and owners.
public enum Labels {
  public static let countMax = 32
  public static let keyByteCountMax = 63
  /// Of a value, and of an owner.
  public static let valueByteCountMax = 255

  /// Throws `invalid` for a label that breaks the rules.
  public static func validate(
    key: String, value: String, of object: String
  ) throws(StoreError) {
    guard (1...keyByteCountMax).contains(key.utf8.count) else {
      throw StoreError(
        .invalid, "a label's key has 1 to \(keyByteCountMax) bytes, '\(key)' \(key.utf8.count)",
        object: object, remedy: "use a shorter one")
    }
    try check(key, "a label's key", object)
    guard !key.utf8.contains(UInt8(ascii: "=")) else {
      throw StoreError(
        .invalid, "a label's key has no '='", object: object, remedy: "write KEY=VALUE")
    }
    guard value.utf8.count <= valueByteCountMax else {
      throw StoreError(
        .invalid,
        "a label's value has at most \(valueByteCountMax) bytes, that of '\(key)' "
          + "\(value.utf8.count)", object: object, remedy: "use a shorter one")
    }
    try check(value, "a label's value", object)
  }

  static func value(ofOwner owner: String, _ object: String) throws(StoreError) -> [UInt8] {
    guard (1...valueByteCountMax).contains(owner.utf8.count) else {
      throw StoreError(
        .invalid, "an owner has 1 to \(valueByteCountMax) bytes, this one \(owner.utf8.count)",
        object: object, remedy: "use a shorter name, or leave it out")
    }
    try check(owner, "an owner", object)
    return Array(owner.utf8)
  }

  static func value(
    _ labels: [String: String], _ object: String
  ) throws(StoreError) -> [UInt8] {
    guard labels.count <= countMax else {
      throw StoreError(
        .invalid, "has at most \(countMax) labels, not \(labels.count)", object: object,
        remedy: "leave some out, or remove others first")
    }
    for (key, value) in labels { try validate(key: key, value: value, of: object) }
    return EntryField.value(
      ofLabels: labels.map { (key: $0.key, value: $0.value) }.sorted { $0.key < $1.key })
  }

  private static func check(
    _ text: String, _ what: String, _ object: String
  ) throws(StoreError) {
    guard ByteText.bytes(text) == Array(text.utf8),
      text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
    else {
      throw StoreError(
        .invalid, "\(what) is UTF-8 without control characters", object: object,
        remedy: "use letters, digits and the like")
    }
  }
}
