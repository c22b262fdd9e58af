/// A store's word for one content of one object, without the quotes that HTTP has around it.
///
/// Another content of the object has another tag; whether a content that comes back has its old
/// tag is up to the store, and most compute it from the bytes.
public struct ObjectTag: Hashable, Sendable, CustomStringConvertible {
  private static let byteCountMax = 256

  public let text: String

  /// Of an `ETag` header, quoted or not. `nil` where there is nothing that a condition could name.
  public init?(header: String) {
    var bytes = Array(header.utf8)[...]
    // A proxy's mark of a changed encoding; the store compares its own tag.
    if bytes.starts(with: "W/".utf8) { bytes = bytes.dropFirst(2) }
    if bytes.count >= 2, bytes.first == Self.quote, bytes.last == Self.quote {
      bytes = bytes.dropFirst().dropLast()
    }
    let isPlain = bytes.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != Self.quote }
    guard !bytes.isEmpty, bytes.count <= Self.byteCountMax, isPlain else { return nil }
    text = String(decoding: bytes, as: UTF8.self)
  }

  public var description: String { text }

  private static let quote = UInt8(ascii: "\"")
}

/// How a store wants a tag in a condition.
public enum TagStyle: String, Sendable, CaseIterable {
  /// As HTTP says.
  case quoted
  /// Without quotes: RADOS gateways of Ceph compare the bytes.
  case plain

  /// The value of an `If-Match` header.
  public func condition(_ tag: ObjectTag) -> String {
    switch self {
    case .quoted: "\"\(tag.text)\""
    case .plain: tag.text
    }
  }
}
