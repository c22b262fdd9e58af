package import CoppiceErrors
package import CoppiceFormat
internal import CoppicePlatform

/// The key that opens one wrapper of a pool's root key: what a key file has in it, and what a
/// command that is asked for a key prints.
///
/// It is text. Lines of these words in this order; empty lines, and those that begin with `#`, say
/// nothing:
///
///     coppice pool key 1
///     pool UUID              8-4-4-4-12 hexadecimal digits
///     wrapper ID             in decimal digits
///     key 64HEX              the outer key's 32 bytes
///     check 16HEX            XXH3-64 of pool[16], id u32 and the key; highest digit first
package struct OuterKey: Sendable {
  package let pool: StoreUUID
  package let wrapper: PoolWrapperID
  package let secret: PoolSecret

  /// No text has more bytes.
  static let textByteCountMax = 4096

  package init(pool: StoreUUID, wrapper: PoolWrapperID, secret: PoolSecret) {
    self.pool = pool
    self.wrapper = wrapper
    self.secret = secret
  }

  /// The text, which is secret: whoever asked for it erases it.
  package func text() -> [UInt8] {
    var text = Array(
      """
      \(Self.title) \(Self.version)
      # Without this key the pool cannot be read by anybody. Keep a copy away from this machine.
      pool \(pool)
      wrapper \(wrapper.rawValue)
      key\u{20}
      """.utf8)
    // One allocation, so that no copy of a part is left behind.
    text.reserveCapacity(text.count + 128)
    secret.withUnsafeBytes { bytes in
      for byte in bytes {
        text.append(Self.digits[Int(byte >> 4)])
        text.append(Self.digits[Int(byte & 15)])
      }
    }
    text += Array("\ncheck ".utf8)
    for shift in stride(from: 60, through: 0, by: -4) {
      text.append(Self.digits[Int(checksum >> UInt64(shift) & 15)])
    }
    text.append(UInt8(ascii: "\n"))
    return text
  }

  /// - Parameter source: what errors call it; they have nothing of the text.
  ///
  /// Throws `invalid` for what is no such text, `unsupportedFormat` for one of a newer version.
  package init(text: [UInt8], source: String) throws(StoreError) {
    guard text.contains(where: { $0 > 0x20 }) else {
      throw StoreError(.invalid, "is empty", object: source, remedy: Self.remedy)
    }
    var lines = text.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
      .filter { $0.first != UInt8(ascii: "#") }[...]
    guard let version = Self.value(Self.title, of: &lines) else { throw Self.noKey(source) }
    guard version.elementsEqual(Self.version.utf8) else {
      throw StoreError(
        .unsupportedFormat, "is a key of a newer version", object: source,
        remedy: "use that version")
    }
    guard let pool = Self.value("pool", of: &lines).flatMap({ Self.uuid($0) }),
      let wrapper = Self.value("wrapper", of: &lines).flatMap({ Self.number($0) }),
      let key = Self.value("key", of: &lines),
      let check = Self.value("check", of: &lines), lines.isEmpty,
      let secret = Self.secret(key)
    else { throw Self.noKey(source) }
    self.init(pool: pool, wrapper: PoolWrapperID(wrapper), secret: secret)
    guard let sum = Self.number(hexadecimal: check), sum == checksum else {
      throw StoreError(
        .invalid, "was changed: its check does not fit", object: source, remedy: Self.remedy)
    }
  }

  private static let title = "coppice pool key"
  private static let version = "1"
  private static let digits = Array("0123456789abcdef".utf8)
  private static let remedy: Remedy = "name the file that was made with the pool, or a copy of it"

  private static func noKey(_ source: String) -> StoreError {
    StoreError(.invalid, "is no key of a pool", object: source, remedy: remedy)
  }

  private var checksum: UInt64 {
    var bytes = [UInt8]()
    bytes.reserveCapacity(52)
    for number in [pool.low, pool.high] {
      withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }
    withUnsafeBytes(of: wrapper.rawValue.littleEndian) { bytes.append(contentsOf: $0) }
    secret.withUnsafeBytes { bytes.append(contentsOf: $0) }
    defer { SecretMemory.erase(&bytes) }
    return bytes.withUnsafeBytes { checksum64($0) }
  }

  /// What follows the word and a space in the next line.
  private static func value(
    _ word: String, of lines: inout ArraySlice<ArraySlice<UInt8>>
  ) -> ArraySlice<UInt8>? {
    let start = Array("\(word) ".utf8)
    guard let line = lines.popFirst(), line.starts(with: start) else { return nil }
    return line.dropFirst(start.count)
  }

  private static func number(_ digits: ArraySlice<UInt8>) -> UInt32? {
    UInt32(String(decoding: digits, as: UTF8.self))
  }

  private static func number(hexadecimal digits: ArraySlice<UInt8>) -> UInt64? {
    guard digits.count == 16 else { return nil }
    return digits.reduce(0 as UInt64?) { number, digit in
      guard let number, let value = Self.digits.firstIndex(of: digit) else { return nil }
      return number << 4 | UInt64(value)
    }
  }

  /// The identity that is written so.
  private static func uuid(_ text: ArraySlice<UInt8>) -> StoreUUID? {
    let digits = text.filter { $0 != UInt8(ascii: "-") }
    guard digits.count == 32, let first = number(hexadecimal: digits[..<16]),
      let second = number(hexadecimal: digits[16...])
    else { return nil }
    let uuid = StoreUUID(low: first.byteSwapped, high: second.byteSwapped)
    return text.elementsEqual(uuid.description.utf8) ? uuid : nil
  }

  private static func secret(_ digits: ArraySlice<UInt8>) -> PoolSecret? {
    guard digits.count == 2 * PoolSecret.byteCount else { return nil }
    return withUnsafeTemporaryAllocation(byteCount: PoolSecret.byteCount, alignment: 8) { buffer in
      defer { SecretMemory.erase(buffer) }
      for index in 0..<PoolSecret.byteCount {
        let place = digits.startIndex + 2 * index
        guard let high = Self.digits.firstIndex(of: digits[place]),
          let low = Self.digits.firstIndex(of: digits[place + 1])
        else { return nil }
        buffer[index] = UInt8(high << 4 | low)
      }
      return PoolSecret(copying: UnsafeRawBufferPointer(buffer))
    }
  }
}

extension OuterKey: CustomStringConvertible, CustomReflectable {
  package var description: String { "the key of the wrapper \(wrapper.rawValue) of \(pool)" }
  package var customMirror: Mirror { Mirror(self, children: []) }
}
