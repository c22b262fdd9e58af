/// Bytes as text and back. Names and paths may hold any bytes, text only those of UTF-8.
///
/// Text stands for itself; bytes that are no UTF-8 are written as shells do, `caf$'\xE9'`, and so
/// are the bytes `$'` where a name has them before `\x`. So every row of bytes has one text, and
/// this text means no other.
public enum ByteText {
  private static let opening = Array("$'".utf8)
  private static let closing = UInt8(ascii: "'")

  /// The text of these bytes.
  public static func text(_ bytes: some Collection<UInt8>) -> String {
    let bytes = Array(bytes)
    if let text = String(validating: bytes, as: UTF8.self), escapedCount(bytes[...]) == nil {
      return text
    }
    var text = ""
    var rest = bytes[...]
    var escaped: [UInt8] = []
    while !rest.isEmpty {
      if escapes(rest) {
        escaped += opening
        rest = rest.dropFirst(opening.count)
      } else if let scalar = leadingScalar(of: rest) {
        text += escape(escaped) + scalar
        escaped = []
        rest = rest.dropFirst(scalar.utf8.count)
      } else {
        escaped.append(rest.removeFirst())
      }
    }
    return text + escape(escaped)
  }

  /// The bytes that a text means. What is no escape stands for itself.
  public static func bytes(_ text: some StringProtocol) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    guard escapedCount(rest) != nil else { return Array(rest) }
    while let byte = rest.first {
      if escapes(rest), let run = run(at: rest) {
        bytes += run
        rest = rest.dropFirst(opening.count + run.count * 4 + 1)
      } else {
        bytes.append(byte)
        rest.removeFirst()
      }
    }
    return bytes
  }

  /// The text that somebody wrote: as it is, escapes included, or of bytes that are none.
  public static func text(writtenAs bytes: some Collection<UInt8>) -> String {
    String(validating: bytes, as: UTF8.self) ?? text(bytes)
  }

  /// The bytes as the escape has them; nothing for none.
  public static func escape(_ bytes: some Sequence<UInt8>) -> String {
    var text = ""
    for byte in bytes {
      let digits = String(byte, radix: 16, uppercase: true)
      text += byte < 16 ? "\\x0\(digits)" : "\\x\(digits)"
    }
    return text.isEmpty ? "" : "$'\(text)'"
  }

  /// The place of the first thing that looks like an escape.
  private static func escapedCount(_ bytes: ArraySlice<UInt8>) -> Int? {
    bytes.indices.first { bytes[$0] == opening[0] && escapes(bytes[$0...]) }
  }

  /// Whether an escape begins here, or what looks like one.
  private static func escapes(_ bytes: ArraySlice<UInt8>) -> Bool {
    bytes.starts(with: opening + [UInt8(ascii: "\\"), UInt8(ascii: "x")])
  }

  /// The bytes of the escape that begins here; `nil` when it is none.
  private static func run(at bytes: ArraySlice<UInt8>) -> [UInt8]? {
    var run: [UInt8] = []
    var rest = bytes.dropFirst(opening.count)
    while rest.first != closing {
      guard rest.starts(with: "\\x".utf8), rest.count >= 4 else { return nil }
      let digits = rest.dropFirst(2).prefix(2)
      guard digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
        let byte = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
      else { return nil }
      run.append(byte)
      rest = rest.dropFirst(4)
    }
    return run
  }

  private static func leadingScalar(of bytes: ArraySlice<UInt8>) -> String? {
    (1...4).lazy.compactMap { count in
      bytes.count < count ? nil : String(validating: bytes.prefix(count), as: UTF8.self)
    }.first
  }
}

extension String {
  /// Whether the two have the same bytes. `==` also holds for texts that only look alike, such as
  /// an accented letter in one scalar and in two, and these are different names.
  package func hasBytes(of other: String) -> Bool { utf8.elementsEqual(other.utf8) }

  /// Whether it comes first in the order of bytes, in which no two names are one.
  package func precedes(_ other: String) -> Bool {
    let isLess = utf8.withContiguousStorageIfAvailable { own in
      other.utf8.withContiguousStorageIfAvailable { other in
        UnsafeRawBufferPointer(own).precedes(UnsafeRawBufferPointer(other))
      }
    }
    return (isLess ?? nil) ?? utf8.lexicographicallyPrecedes(other.utf8)
  }

  /// A key for sets and dictionaries of names.
  package var nameKey: [UInt8] { Array(utf8) }

  /// The parts between separators, by bytes: to a comparison of characters a combining mark hides
  /// the separator before it.
  package func split(byte: UInt8, keepsEmpty: Bool = false, maxCount: Int = .max) -> [String] {
    utf8.split(
      separator: byte, maxSplits: maxCount - 1, omittingEmptySubsequences: !keepsEmpty
    ).map { String(Substring($0)) }
  }

  /// Runs `body` with the bytes that the text means (see `ByteText`), as C has them.
  func withPath<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
    let bytes = (ByteText.bytes(self) + [0]).map { CChar(bitPattern: $0) }
    return bytes.withUnsafeBufferPointer { bytes in
      guard let start = bytes.baseAddress else { preconditionFailure("an array without bytes") }
      return body(start)
    }
  }
}
