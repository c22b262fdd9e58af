package import Coppice
internal import Synchronization

/// The keys that a store signs its proofs with: one private key, in `STORE/keys`, and the public
/// keys of all that it ever had, in its settings, so that old proofs can be verified.
///
/// A public key is in the settings before anything is signed with it. Whoever can read the private
/// key can sign what he likes: it is refused where others than the store's user can.
package struct ProofKeys {
  /// The key to sign with.
  package struct Signing: Sendable {
    package var key: PrivateProofKey
    /// Whether it was made just now.
    package var isNew: Bool
    /// What whoever asks should know: that the key before was lost.
    package var note: String?
  }

  package static let directoryName = "keys"
  package static let fileName = "proof.pem"
  private static let settingPrefix = "proof/"
  private static let fileByteCountMax = 4096
  /// One key is made at a time.
  private static let making = Mutex(())

  private let store: Store

  package init(_ store: Store) { self.store = store }

  /// The private key; a new one where there is none, durable on return.
  ///
  /// Throws `denied` for a symbolic link and where others can read it, `corrupt` for a file that is
  /// no key, `full`.
  package func signing() throws(StoreError) -> Signing {
    try Self.making.withLock { _ throws(StoreError) in
      if let key = try readKey() {
        try publish(key.publicKey)
        return Signing(key: key, isNew: false)
      }
      let lost = publicKeys.map(\.id)
      var signing = Signing(key: try makeKey(), isNew: true)
      if !lost.isEmpty {
        signing.note =
          "the private key was lost, and a new one was made: \(signing.key.publicKey.id). Proofs "
          + "that were signed before are verified with the public key that signed them, "
          + "\(lost.joined(separator: " or "))"
      }
      return signing
    }
  }

  /// Throws what `signing` would of a key that is there, and makes none.
  func check() throws(StoreError) { _ = try readKey() }

  /// Makes a new private key in place of the old one, whatever that is; durable on return. Public
  /// keys stay.
  package func rotate() throws(StoreError) -> Signing {
    try Self.making.withLock { _ throws(StoreError) in
      Signing(key: try makeKey(), isNew: true)
    }
  }

  /// Of all private keys that the store ever had, in the order of their ids. Settings that are no
  /// keys are passed over.
  package var publicKeys: [PublicProofKey] {
    store.settings().compactMap { key, value in
      guard key.hasPrefix(Self.settingPrefix),
        let known = try? PublicProofKey(pem: String(decoding: value, as: UTF8.self)),
        key == Self.settingPrefix + known.id
      else { return nil }
      return known
    }
  }

  /// Throws `notFound` for one that the store never had.
  package func publicKey(_ id: String) throws(StoreError) -> PublicProofKey {
    if let key = publicKeys.first(where: { $0.id == id }) { return key }
    throw StoreError(
      .notFound, "the store knows no such key", object: id,
      remedy: "list those that it knows with `coppice proof key --json`")
  }

  private func readKey() throws(StoreError) -> PrivateProofKey? {
    guard
      let directory = try PrivateDirectory.find(
        Self.directoryName, in: store.directory, isSecret: true),
      let bytes = try directory.read(Self.fileName, atMost: Self.fileByteCountMax)
    else { return nil }
    do throws(StoreError) {
      return try PrivateProofKey(pem: String(decoding: bytes, as: UTF8.self))
    } catch {
      var failure = error
      failure.object = "\(directory.path)/\(Self.fileName)"
      failure.remedy = "bring it back from a copy, or make a new one: `coppice proof key --rotate`"
      throw failure
    }
  }

  private func makeKey() throws(StoreError) -> PrivateProofKey {
    let directory = try PrivateDirectory.make(
      Self.directoryName, in: store.directory, isSecret: true)
    let key = PrivateProofKey()
    try publish(key.publicKey)
    try directory.write(Self.fileName, Array(key.pem.utf8))
    return key
  }

  private func publish(_ key: PublicProofKey) throws(StoreError) {
    let (setting, value) = (Self.settingPrefix + key.id, Array(key.pem.utf8))
    if try store.setting(setting) != value { try store.set(setting, to: value) }
  }
}
