/// Bytes between two lines of text, as keys are handed on (RFC 7468).
enum PEM {
  private static let lineCharacterCount = 64

  static func text(_ bytes: [UInt8], label: String) -> String {
    var rest = Base64.text(bytes)[...]
    var text = "-----BEGIN \(label)-----\n"
    while !rest.isEmpty {
      text += rest.prefix(lineCharacterCount) + "\n"
      rest = rest.dropFirst(lineCharacterCount)
    }
    return text + "-----END \(label)-----\n"
  }

  /// The one block that a text has, with blank space around it; `nil` for any other text.
  static func block(_ text: String) -> (label: String, bytes: [UInt8])? {
    var lines = text.split(whereSeparator: \.isNewline).map(trimmed).filter { !$0.isEmpty }
    guard lines.count > 2, let label = label(lines.removeFirst(), "BEGIN"),
      self.label(lines.removeLast(), "END") == label,
      let bytes = Base64.bytes(lines.joined())
    else { return nil }
    return (label, bytes)
  }

  private static func trimmed(_ line: Substring) -> Substring {
    var line = line.drop(while: \.isWhitespace)
    while line.last?.isWhitespace ?? false { line.removeLast() }
    return line
  }

  private static func label(_ line: Substring, _ word: String) -> String? {
    let (head, tail) = ("-----\(word) ", "-----")
    guard line.count > head.count + tail.count, line.hasPrefix(head), line.hasSuffix(tail) else {
      return nil
    }
    return String(line.dropFirst(head.count).dropLast(tail.count))
  }
}
