package import CoppiceErrors
internal import Crypto
internal import FoundationEssentials

/// What proofs are verified with: an Ed25519 key. As text it is a SubjectPublicKeyInfo in PEM.
package struct PublicProofKey: Hashable, Sendable {
  private let raw: [UInt8]
  /// SHA-256 of the SubjectPublicKeyInfo, in hexadecimal.
  package let id: String

  /// What stands before the 32 bytes of an Ed25519 key in a SubjectPublicKeyInfo (RFC 8410).
  private static let prefix: [UInt8] = [
    0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00,
  ]
  private static let byteCount = 32
  private static let label = "PUBLIC KEY"

  fileprivate init(raw: [UInt8]) {
    self.raw = raw
    id = SHA256.hash(data: Self.prefix + raw).reduce(into: "") { text, byte in
      let digits = String(byte, radix: 16)
      text += (digits.count < 2 ? "0" : "") + digits
    }
  }

  /// Throws `invalid` for a text that is no Ed25519 public key in PEM.
  package init(pem text: String) throws(StoreError) {
    let block = PEM.block(text)
    guard let block, block.label == Self.label, block.bytes.starts(with: Self.prefix),
      block.bytes.count == Self.prefix.count + Self.byteCount
    else {
      let isPrivate = block?.label == PrivateProofKey.label
      throw StoreError(
        .invalid, isPrivate ? "is a private key" : "is no Ed25519 public key in PEM",
        remedy: "get the public key with `coppice proof key`")
    }
    self.init(raw: Array(block.bytes.dropFirst(Self.prefix.count)))
  }

  package var pem: String { PEM.text(Self.prefix + raw, label: Self.label) }

  func verifies(_ signature: [UInt8], of message: [UInt8]) -> Bool {
    do {
      return try Curve25519.Signing.PublicKey(rawRepresentation: raw)
        .isValidSignature(signature, for: message)
    } catch {
      // Not every 32 bytes are a key; those verify nothing.
      return false
    }
  }
}

/// What proofs are signed with: an Ed25519 key. As text it is a PKCS #8 key in PEM.
package struct PrivateProofKey: Sendable {
  private let key: Curve25519.Signing.PrivateKey

  /// What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410).
  private static let prefix: [UInt8] = [
    0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
  ]
  fileprivate static let label = "PRIVATE KEY"

  /// A new one, by the system's random numbers.
  package init() { key = Curve25519.Signing.PrivateKey() }

  /// Throws `corrupt` for a text that is no Ed25519 private key in PEM. The error has nothing of
  /// the text.
  package init(pem text: String) throws(StoreError) {
    do {
      guard let block = PEM.block(text), block.label == Self.label,
        block.bytes.starts(with: Self.prefix)
      else { throw CryptoKitError.incorrectParameterSize }
      key = try Curve25519.Signing.PrivateKey(
        rawRepresentation: block.bytes.dropFirst(Self.prefix.count))
    } catch {
      throw StoreError(.corrupt, "is no Ed25519 private key in PEM")
    }
  }

  package var pem: String {
    PEM.text(Self.prefix + Array(key.rawRepresentation), label: Self.label)
  }

  package var publicKey: PublicProofKey {
    PublicProofKey(raw: Array(key.publicKey.rawRepresentation))
  }

  func signature(of message: [UInt8]) throws(StoreError) -> [UInt8] {
    do { return Array(try key.signature(for: message)) } catch {
      throw StoreError(
        .unavailable, "signing failed", remedy: "try again", cause: "\(error)")
    }
  }
}
