internal import Crypto

/// What a server keeps of a password (RFC 5802 with SHA-256, as PostgreSQL writes it): who reads
/// the server's log, or the catalogue, does not learn the password from it.
package enum PasswordVerifier {
  private static let iterationCount = 4096
  package static let saltByteCount = 16

  /// - Parameter password: ASCII, which needs no preparation.
  package static func text(of password: String, salt: [UInt8]) -> String {
    let salted = SymmetricKey(data: saltedPassword(Array(password.utf8), salt))
    let clientKey = authentication(of: Array("Client Key".utf8), salted)
    let storedKey = Array(SHA256.hash(data: clientKey))
    let serverKey = authentication(of: Array("Server Key".utf8), salted)
    return "SCRAM-SHA-256$\(iterationCount):\(base64(salt))$\(base64(storedKey)):"
      + base64(serverKey)
  }

  private static func saltedPassword(_ password: [UInt8], _ salt: [UInt8]) -> [UInt8] {
    let key = SymmetricKey(data: password)
    var block = authentication(of: salt + [0, 0, 0, 1], key)
    var result = block
    for _ in 1..<iterationCount {
      block = authentication(of: block, key)
      for index in result.indices { result[index] ^= block[index] }
    }
    return result
  }

  private static func authentication(of bytes: [UInt8], _ key: SymmetricKey) -> [UInt8] {
    Array(HMAC<SHA256>.authenticationCode(for: bytes, using: key))
  }

  private static func base64(_ bytes: [UInt8]) -> String {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      let bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
      for place in 0..<4 {
        let digit = digits[Int(bits >> UInt32(18 - 6 * place) & 63)]
        text.append(place <= group.count ? digit : UInt8(ascii: "="))
      }
    }
    return String(decoding: text, as: UTF8.self)
  }
}
