internal import CXXHash

/// XXH3-64 of `bytes`: a checksum against damage, not against forgery.
public func checksum64(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
  XXH3_64bits_withSeed(bytes.baseAddress, bytes.count, seed)
}

/// The random bytes that key a store's page hashes, so that nobody outside can prepare collisions.
///
/// Immutable, shared by all threads.
public final class HashSecret: Sendable {
  public static let byteCount = 192

  public let bytes: [UInt8]

  /// - Precondition: `bytes` are `byteCount` bytes, random and from the superblock.
  public init(bytes: [UInt8]) {
    precondition(bytes.count == Self.byteCount)
    self.bytes = bytes
  }

  /// XXH3-128 of `content`, keyed by the secret. Never the hash of a hole.
  public func pageHash(_ content: UnsafeRawBufferPointer) -> PageHash {
    let hash = bytes.withUnsafeBytes {
      XXH3_128bits_withSecret(content.baseAddress, content.count, $0.baseAddress, $0.count)
    }
    guard hash.low64 | hash.high64 != 0 else { return PageHash(low: 1, high: 0) }
    return PageHash(low: hash.low64, high: hash.high64)
  }
}
