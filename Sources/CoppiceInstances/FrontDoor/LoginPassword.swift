internal import CoppicePlatform
internal import Crypto

/// The password of a branch's login: derived from a key of the store's, never kept.
///
/// It is the beginning of HMAC-SHA256 of this message, 24 letters of 5 bits: 120 bits that nobody
/// guesses, in letters that need no quoting in a URL, a shell or psql, and that nobody mixes up.
/// ```
/// "coppice login password 1" 0   branch id u64   generation u64   byteCount u32   role
/// ```
/// Numbers are little-endian. Another branch, generation or role has another password, and so has
/// the same one once the key is lost. The derivation is settled: clients keep passwords.
package enum LoginPassword {
  private static let domain = "coppice login password 1"
  private static let alphabet = Array("abcdefghijkmnpqrstuvwxyz23456789".utf8)
  private static let letterCount = 24

  /// - Parameters:
  ///   - role: as `ByteText` has it.
  ///   - generation: raised to make another password.
  package static func text(
    key: LoginPasswordKey, branch id: UInt64, generation: UInt64, role: String
  ) -> String {
    let name = ByteText.bytes(role)
    var message = Array(domain.utf8) + [0]
    append(id, to: &message)
    append(generation, to: &message)
    append(UInt32(name.count), to: &message)
    message += name
    let code = HMAC<SHA256>.authenticationCode(for: message, using: key.symmetricKey)
    return letters(Array(code))
  }

  /// Five bits each, the highest first.
  private static func letters(_ bytes: [UInt8]) -> String {
    let text = (0..<letterCount).map { index in
      let first = index * 5
      let pair = UInt16(bytes[first / 8]) << 8 | UInt16(bytes[first / 8 + 1])
      return alphabet[Int(pair >> (11 - first % 8)) & 31]
    }
    return String(decoding: text, as: UTF8.self)
  }

  private static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
  }
}
