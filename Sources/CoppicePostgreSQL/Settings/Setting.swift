/// A setting of a server with its value, as it is written into a file or given as an argument.
public struct Setting: Hashable, Sendable, CustomStringConvertible {
  /// In lower case: PostgreSQL tells names apart without regard to it.
  public let name: String
  public let value: String

  /// - Parameter value: one for which `isValue` holds.
  init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }

  /// Whether a setting that somebody names can stand in a configuration file: one or two words of
  /// letters, digits and underscores, the second, behind a dot, of an extension.
  static func isName(_ name: String) -> Bool {
    let words = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    return words.count <= 2
      && words.allSatisfy { word in
        guard let first = word.first, !isDigit(first) else { return false }
        return word.allSatisfy { isLetter($0) || isDigit($0) || $0 == UInt8(ascii: "_") }
      }
  }

  /// Whether a value can stand in a configuration file and on a command line: in one line, without
  /// a zero byte.
  static func isValue(_ value: String) -> Bool {
    !value.utf8.contains { [0, UInt8(ascii: "\n"), UInt8(ascii: "\r")].contains($0) }
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
  }

  /// The line of a configuration file. Between its quotes a quote or backslash is written twice.
  public var line: String { "\(name) = '\(value.doubling(["'", "\\"]))'\n" }

  /// The word after `-c` of a server's arguments.
  var argument: String { "\(name)=\(value)" }

  public var description: String { argument }
}

extension String {
  /// With each of these scalars written twice. By scalars and not by characters: a quote with an
  /// accent behind it is another character, and still ends a text.
  func doubling(_ doubled: [Unicode.Scalar]) -> String {
    var result = String.UnicodeScalarView()
    for scalar in unicodeScalars {
      if doubled.contains(scalar) { result.append(scalar) }
      result.append(scalar)
    }
    return String(result)
  }
}
