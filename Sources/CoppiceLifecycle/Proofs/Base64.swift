internal import FoundationEssentials

/// Base64 with padding, as RFC 4648 has it.
enum Base64 {
  static func text(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }

  /// `nil` for any text but the one that `text` makes of the bytes.
  static func bytes(_ text: String) -> [UInt8]? {
    guard let bytes = Data(base64Encoded: text).map(Array.init), Self.text(bytes) == text else {
      return nil
    }
    return bytes
  }
}
