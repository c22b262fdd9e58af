internal import Crypto

/// The hash by which a file is named that lies elsewhere.
package enum SHA256Digest {
  /// In 64 hexadecimal digits.
  package static func hexadecimal(of bytes: [UInt8]) -> String {
    SHA256.hash(data: bytes).map { byte in
      let digits = String(byte, radix: 16)
      return byte < 16 ? "0\(digits)" : digits
    }.joined()
  }
}
