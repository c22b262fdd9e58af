package import CoppiceErrors
internal import CoppiceLifecycle
internal import Crypto
internal import Synchronization

/// What the passwords of a store's instances are derived from: 32 random bytes in a file of
/// `STORE/keys`. Whoever can read it knows all of them, so it is refused where others than the
/// store's user can.
package struct LoginPasswordKey: Sendable {
  package static let fileName = "passwords.key"
  private static let byteCount = 32
  /// One key is made at a time.
  private static let making = Mutex(())

  let symmetricKey: SymmetricKey

  /// For tests of the derivation.
  package init(bytes: [UInt8]) { symmetricKey = SymmetricKey(data: bytes) }

  /// The key of a store; a new one where there is none, durable on return. A server keeps it for as
  /// long as it runs: with a key made anew meanwhile, its instances would have other passwords than
  /// it tells.
  ///
  /// - Parameter store: the store's directory.
  ///
  /// Throws `denied` for a symbolic link and where others can read it, `corrupt` for a file that is
  /// no key, `full`.
  package init(ofStore store: String) throws(StoreError) {
    self = try Self.making.withLock { _ throws(StoreError) in
      let directory = try PrivateDirectory.make(
        ProofKeys.directoryName, in: store, isSecret: true)
      if let bytes = try directory.read(Self.fileName, atMost: Self.byteCount) {
        guard bytes.count == Self.byteCount else {
          throw StoreError(
            .corrupt, "has \(bytes.count) bytes, not \(Self.byteCount)",
            object: "\(directory.path)/\(Self.fileName)",
            remedy:
              "bring it back from a copy, or remove it: instances get new passwords when they start"
          )
        }
        return Self(bytes: bytes)
      }
      let key = Self(bytes: SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) })
      try directory.write(Self.fileName, key.symmetricKey.withUnsafeBytes { Array($0) })
      return key
    }
  }
}
