internal import CoppicePlatform
internal import Crypto
internal import FoundationEssentials

/// 32 secret bytes: an outer key, a root key, the pool's key, a data key, or one derived from them.
///
/// They are erased from memory with the last copy of this value, and are never printed.
package struct PoolSecret: Sendable {
  package static let byteCount = 32

  let key: SymmetricKey

  private init(_ key: SymmetricKey) { self.key = key }

  /// - Precondition: there are `byteCount` bytes. Whoever has them erases them.
  package init(copying bytes: UnsafeRawBufferPointer) {
    precondition(bytes.count == Self.byteCount)
    key = SymmetricKey(data: bytes)
  }

  /// A new one.
  package init(using generator: inout some RandomNumberGenerator) {
    self = withUnsafeTemporaryAllocation(byteCount: Self.byteCount, alignment: 8) { buffer in
      for offset in stride(from: 0, to: Self.byteCount, by: 8) {
        let number: UInt64 = generator.next()
        buffer.storeBytes(of: number, toByteOffset: offset, as: UInt64.self)
      }
      defer { SecretMemory.erase(buffer) }
      return PoolSecret(copying: UnsafeRawBufferPointer(buffer))
    }
  }

  /// HKDF-SHA256 of this secret.
  func derived(salt: [UInt8] = [], info: [UInt8]) -> PoolSecret {
    PoolSecret(
      HKDF<SHA256>.deriveKey(
        inputKeyMaterial: key, salt: salt, info: info, outputByteCount: Self.byteCount))
  }

  package func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    key.withUnsafeBytes(body)
  }
}

extension PoolSecret: Equatable {
  /// Takes the same time whatever the bytes are.
  package static func == (a: PoolSecret, b: PoolSecret) -> Bool { a.key == b.key }
}

extension PoolSecret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { "a secret" }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: []) }
}

/// AES-256-GCM. Whoever seals sees to it that no key meets a nonce twice.
extension PoolSecret {
  /// Appends ciphertext and tag to `target`.
  func seal(
    _ plain: UnsafeRawBufferPointer, nonce: some DataProtocol, authenticating data: [UInt8],
    appendingTo target: inout [UInt8]
  ) {
    do {
      let box = try AES.GCM.seal(
        plain, using: key, nonce: AES.GCM.Nonce(data: nonce), authenticating: data)
      box.ciphertext.withUnsafeBytes { target.append(contentsOf: $0) }
      box.tag.withUnsafeBytes { target.append(contentsOf: $0) }
    } catch {
      preconditionFailure("key, nonce and message have the byte counts that the cipher takes")
    }
  }

  /// Copies what was sealed to the start of `target`, which has the room. Returns false when it is
  /// not what this secret sealed with that nonce and that data.
  func open(
    _ ciphertext: UnsafeRawBufferPointer, tag: UnsafeRawBufferPointer, nonce: some DataProtocol,
    authenticating data: [UInt8], into target: UnsafeMutableRawBufferPointer
  ) -> Bool {
    do {
      let box = try AES.GCM.SealedBox(
        nonce: AES.GCM.Nonce(data: nonce), ciphertext: ciphertext, tag: tag)
      let plain = try AES.GCM.open(box, using: key, authenticating: data)
      plain.withUnsafeBytes { target.copyMemory(from: $0) }
      return true
    } catch {
      return false
    }
  }
}
