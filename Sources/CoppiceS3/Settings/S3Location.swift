internal import CoppicePlatform
public import CoppicePools

/// A bucket, and what all keys of a pool begin with in it: `s3://BUCKET/PREFIX`.
public struct S3Location: Hashable, Sendable, CustomStringConvertible {
  /// Leaves room for the longest `ObjectKey` in the 1,024 bytes that a key may have.
  private static let prefixByteCountMax = 511

  public let bucket: String
  /// Without `/` at either end; empty when keys begin with the bucket.
  public let prefix: String

  /// Throws `invalid` for what is no such address.
  public init(_ text: String) throws(ObjectStoreError) {
    let scheme = "s3://"
    guard text.hasPrefix(scheme) else {
      throw Self.error("the place of a pool is s3://BUCKET/PREFIX", text)
    }
    var words = String(text.dropFirst(scheme.count))
      .split(byte: UInt8(ascii: "/"), keepsEmpty: true)[...]
    let bucket = words.popFirst() ?? ""
    // `s3://BUCKET/` and `s3://BUCKET/PREFIX/` mean the same as without the last slash.
    if words.last == "" { words.removeLast() }
    guard Self.isBucket(bucket) else {
      throw Self.error("no bucket is named '\(bucket)'", text)
    }
    for word in words {
      let isText = word.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
      guard !word.isEmpty, word != ".", word != "..", isText else {
        throw Self.error("the prefix of a pool has no empty parts, no '.' and no '..'", text)
      }
    }
    self.bucket = bucket
    prefix = words.joined(separator: "/")
    guard prefix.utf8.count <= Self.prefixByteCountMax else {
      throw Self.error("the prefix of a pool has more than \(Self.prefixByteCountMax) bytes", text)
    }
  }

  public var description: String { prefix.isEmpty ? "s3://\(bucket)" : "s3://\(bucket)/\(prefix)" }

  /// The name in the bucket of an object, or of what keys begin with.
  func name(of key: String) -> String { prefix.isEmpty ? key : "\(prefix)/\(key)" }

  /// The key of an object of that name; `nil` when it lies elsewhere, or has a name that is no key.
  func key(ofName name: String) -> ObjectKey? {
    if prefix.isEmpty { return ObjectKey(name) }
    guard name.utf8.starts(with: "\(prefix)/".utf8) else { return nil }
    return ObjectKey(String(decoding: name.utf8.dropFirst(prefix.utf8.count + 1), as: UTF8.self))
  }

  private static func isBucket(_ name: String) -> Bool {
    let isPlain = name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"):
        true
      default: false
      }
    }
    return isPlain && (3...255).contains(name.utf8.count) && !name.contains("..")
  }

  private static func error(_ message: String, _ text: String) -> ObjectStoreError {
    ObjectStoreError(.invalid, message, cause: text)
  }
}
