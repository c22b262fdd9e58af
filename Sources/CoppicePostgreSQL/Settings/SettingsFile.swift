/// A configuration file of a server, such as `postgresql.conf` or `postgresql.auto.conf`, as far as
/// it says anything by itself: what it includes is passed over.
///
/// Each line is a name, an optional `=` and a value, which stands in single quotes unless it is a
/// word; `#` begins a comment. In quotes a backslash begins an escape, and two quotes are one.
public struct SettingsFile: Hashable, Sendable {
  public static let autoName = "postgresql.auto.conf"
  public static let name = "postgresql.conf"

  /// By names in lower case; the last of several with one name holds. Lines that are none are
  /// passed over: a server would not start with them.
  public private(set) var values: [String: String] = [:]

  private static let inclusions: Set = ["include", "include_if_exists", "include_dir"]

  public init(_ bytes: some Collection<UInt8>) {
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      var reader = LineReader(rest: Array(line)[...])
      guard let (name, value) = reader.setting(), !Self.inclusions.contains(name) else { continue }
      values[name] = value
    }
  }

  private struct LineReader {
    var rest: ArraySlice<UInt8>

    private static let quote = UInt8(ascii: "'")
    private static let backslash = UInt8(ascii: "\\")
    private static let blanks = Set(" \t\r\u{0C}\u{0B}".utf8)

    mutating func setting() -> (name: String, value: String)? {
      skipBlanks()
      let name = String(decoding: takeWord(), as: UTF8.self).lowercased()
      guard Setting.isName(name) else { return nil }
      skipBlanks()
      if rest.first == UInt8(ascii: "=") {
        rest.removeFirst()
        skipBlanks()
      }
      let value = rest.first == Self.quote ? takeQuoted() : takeWord()
      skipBlanks()
      guard let value, rest.isEmpty || rest.first == UInt8(ascii: "#"),
        let text = String(validating: value, as: UTF8.self)
      else { return nil }
      return (name, text)
    }

    private mutating func skipBlanks() { rest = rest.drop { Self.blanks.contains($0) } }

    private mutating func takeWord() -> [UInt8] {
      let word = rest.prefix { byte in
        !Self.blanks.contains(byte)
          && ![UInt8(ascii: "="), UInt8(ascii: "#"), Self.quote].contains(byte)
      }
      rest = rest.dropFirst(word.count)
      return Array(word)
    }

    /// `nil` when the closing quote is missing.
    private mutating func takeQuoted() -> [UInt8]? {
      rest.removeFirst()
      var value: [UInt8] = []
      while let byte = rest.popFirst() {
        switch byte {
        case Self.quote where rest.first == Self.quote:
          value.append(byte)
          rest.removeFirst()
        case Self.quote: return value
        case Self.backslash:
          guard let escaped = takeEscaped() else { return nil }
          value.append(escaped)
        default: value.append(byte)
        }
      }
      return nil
    }

    /// What stands behind a backslash: one to three octal digits, a letter for a control, or
    /// itself.
    private mutating func takeEscaped() -> UInt8? {
      let digits = rest.prefix(3).prefix { UInt8(ascii: "0")...UInt8(ascii: "7") ~= $0 }
      guard digits.isEmpty else {
        rest = rest.dropFirst(digits.count)
        return digits.reduce(0) { $0 << 3 | ($1 - UInt8(ascii: "0")) }
      }
      guard let byte = rest.popFirst() else { return nil }
      switch byte {
      case UInt8(ascii: "b"): return 0x08
      case UInt8(ascii: "f"): return 0x0C
      case UInt8(ascii: "n"): return 0x0A
      case UInt8(ascii: "r"): return 0x0D
      case UInt8(ascii: "t"): return 0x09
      default: return byte
      }
    }
  }
}
