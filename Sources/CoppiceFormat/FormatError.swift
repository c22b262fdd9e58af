/// Why stored bytes were refused. Every decoder of this module throws only this.
///
/// `what` names the structure or field in words for people ("bundle header", "page number").
public enum FormatError: Error, Hashable, Sendable {
  /// The bytes end before the structure does.
  case truncated(what: String, needed: Int, available: Int)
  /// The bytes do not begin with the structure's magic: something else lies here.
  case badMagic(what: String, found: UInt64)
  /// Written by a version of the format that this code does not know.
  case unsupportedVersion(what: String, found: UInt32)
  /// Flags are set that this code may not ignore.
  case unknownFlags(what: String, bits: UInt64)
  /// A kind, a name or a field that only a newer version of the format has.
  case unsupported(what: String, found: UInt64)
  /// The bytes are not the ones that were written.
  case checksum(what: String)
  /// A field holds a value beyond what the format allows.
  case outOfRange(what: String, value: UInt64, limit: UInt64)
  /// Fields contradict each other, or reserved bytes are in use.
  case malformed(what: String)
  /// The compressed bytes do not decompress; `code` is zstd's error code.
  case compression(what: String, code: Int)
  /// A frame stored as a difference was to be decoded without its base.
  case baseNeeded(what: String)
}

extension FormatError {
  /// Whether a newer version may have written the bytes: they are not damaged then.
  public var isUnsupported: Bool {
    switch self {
    case .unsupportedVersion, .unknownFlags, .unsupported: true
    default: false
    }
  }
}

extension FormatError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .truncated(let what, let needed, let available):
      "\(what): \(needed) bytes needed, \(available) available"
    case .badMagic(let what, let found):
      "\(what): not one (magic \(String(found, radix: 16)))"
    case .unsupportedVersion(let what, let found):
      "\(what): version \(found) is not supported"
    case .unknownFlags(let what, let bits):
      "\(what): unknown flags \(String(bits, radix: 16))"
    case .unsupported(let what, let found):
      "\(what): \(found) is not supported"
    case .checksum(let what):
      "\(what): checksum mismatch"
    case .outOfRange(let what, let value, let limit):
      "\(what): \(value) is beyond \(limit)"
    case .malformed(let what):
      "\(what): malformed"
    case .compression(let what, let code):
      "\(what): does not decompress (zstd error \(code))"
    case .baseNeeded(let what):
      "\(what): stored as a difference, but no base was given"
    }
  }
}
