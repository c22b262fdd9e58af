import Coppice
import CoppiceLifecycle
import CoppicePlatform
import Glibc
import TestSupport
import Testing

/// The keys that a store signs with, as they lie in its directory.
@Suite struct ProofKeysTests {
  private let folder: TemporaryFolder
  private let store: Store

  init() throws {
    folder = try TemporaryFolder()
    store = try Store.create(at: folder("store"))
  }

  private var keys: ProofKeys { ProofKeys(store) }
  private var directory: String { folder("store/keys") }
  private var file: String { folder("store/keys/proof.pem") }

  private func mode(_ path: String) throws -> UInt32 {
    try HostFile(reading: path).status().permissions
  }

  private func failure(_ body: () throws -> Void) -> StoreError? {
    do {
      try body()
      return nil
    } catch {
      return error as? StoreError
    }
  }

  @Test func `the first use makes a key, which stays, and is its user's alone`() throws {
    umask(0o022)
    #expect(keys.publicKeys.isEmpty)
    let first = try keys.signing()
    #expect(first.isNew && first.note == nil)
    #expect(try mode(directory) == 0o700 && mode(file) == 0o600)
    #expect(try HostDirectory(path: directory).names() == [Array("proof.pem".utf8)])
    let again = try keys.signing()
    #expect(!again.isNew && again.key.publicKey == first.key.publicKey)
    #expect(keys.publicKeys == [first.key.publicKey])
    try store.close()
    let reopened = try Store.open(at: folder("store"))
    #expect(try ProofKeys(reopened).signing().key.publicKey == first.key.publicKey)
    #expect(try reopened.check().findings.isEmpty)
    let setting = try reopened.setting("proof/\(first.key.publicKey.id)")
    #expect(setting == Array(first.key.publicKey.pem.utf8))
    try reopened.close()
  }

  @Test func `a new key in place of the old one leaves the old public key`() throws {
    let old = try keys.signing().key
    let proof = try ReclaimStatement.sample().signed(by: old)
    let new = try keys.rotate()
    #expect(new.isNew && new.key.publicKey != old.publicKey)
    #expect(try keys.signing().key.publicKey == new.key.publicKey)
    #expect(Set(keys.publicKeys) == [old.publicKey, new.key.publicKey])
    let known = try keys.publicKey(old.publicKey.id)
    #expect(try VerifiedProof(proof, signedBy: known).verdict == .reclaimed)
    #expect(failure { _ = try keys.publicKey("none") }?.kind == .notFound)
  }

  @Test func `a lost key is told, and a new one is made`() throws {
    let old = try keys.signing().key.publicKey
    unlink(file)
    let next = try keys.signing()
    #expect(next.isNew && next.note?.contains(old.id) == true)
    #expect(next.note?.contains("lost") == true)
    #expect(try keys.signing().note == nil)
    try HostDirectory(path: folder("store")).removeTree(Array("keys".utf8))
    #expect(try keys.signing().isNew)
    #expect(keys.publicKeys.count == 3)
  }

  @Test func `settings that were lost get the public key again`() throws {
    let key = try keys.signing().key.publicKey
    try store.set("proof/\(key.id)", to: nil)
    try store.set("proof/other", to: Array(key.pem.utf8))
    #expect(keys.publicKeys.isEmpty)
    #expect(try keys.signing().key.publicKey == key)
    #expect(keys.publicKeys == [key])
  }

  @Test func `a key that others can get at is refused, with what mends it`() throws {
    _ = try keys.signing()
    for (path, mode, remedy) in [
      (file, 0o640, "chmod 600 \(file)"), (file, 0o604, "chmod 600 \(file)"),
      (directory, 0o750, "chmod 700 \(directory)"),
    ] as [(String, mode_t, String)] {
      let before = try self.mode(path)
      chmod(path, mode)
      let refusal = failure { _ = try keys.signing() }
      #expect(refusal?.kind == .denied && refusal?.object == path)
      #expect(refusal?.remedy.description.hasPrefix(remedy) == true)
      chmod(path, before)
      #expect(try !keys.signing().isNew)
    }
  }

  @Test(.enabled(if: geteuid() == 0))
  func `a key that is somebody else's is refused`() throws {
    _ = try keys.signing()
    for path in [file, directory] {
      chown(path, 4242, 4242)
      let refusal = failure { _ = try keys.signing() }
      #expect(refusal?.kind == .denied && refusal?.object == path)
      chown(path, 0, 0)
    }
    // What root makes in another user's store is that user's.
    for path in [folder("store"), file] { chown(path, 4242, 4242) }
    #expect(try !keys.signing().isNew)
    unlink(file)
    rmdir(directory)
    _ = try keys.rotate()
    for path in [file, directory] {
      #expect(try HostFile(reading: path).status().user == 4242)
    }
  }

  @Test func `no symbolic link is followed, to a key or to where it is made`() throws {
    let key = try keys.signing().key
    let elsewhere = folder("elsewhere.pem")
    rename(file, elsewhere)
    symlink(elsewhere, file)
    #expect(failure { _ = try keys.signing() }?.kind == .denied)
    // A new key takes the link's place, and leaves what it led to.
    let new = try keys.rotate().key
    #expect(try TemporaryFolder.bytes(of: elsewhere) == Array(key.pem.utf8))
    #expect(try keys.signing().key.publicKey == new.publicKey)
    rename(directory, folder("elsewhere"))
    symlink(folder("elsewhere"), directory)
    #expect(failure { _ = try keys.signing() }?.kind == .denied)
    #expect(failure { _ = try keys.rotate() }?.kind == .denied)
    unlink(directory)
    symlink(folder("nowhere"), directory)
    #expect(failure { _ = try keys.signing() }?.kind == .denied)
  }

  @Test func `a file that is no key is told as that, and stays until there is a new one`() throws {
    let key = try keys.signing().key
    for bytes in [[], Array("no key".utf8), Array(key.pem.utf8.dropLast(30))] {
      try folder.write("store/keys/proof.pem", bytes)
      let failure = failure { _ = try keys.signing() }
      #expect(failure?.kind == .corrupt && failure?.object == file)
      #expect(failure?.remedy.description.contains("--rotate") == true)
      #expect(failure?.description.contains("PRIVATE") == false)
    }
    try folder.write("store/keys/proof.pem", [UInt8](repeating: 0x61, count: 5000))
    #expect(failure { _ = try keys.signing() }?.kind == .corrupt)
    let new = try keys.rotate().key
    #expect(try keys.signing().key.publicKey == new.publicKey)
  }

  @Test func `what an interrupted writing left is in nobody's way`() throws {
    mkdir(directory, 0o700)
    try folder.write("store/keys/.proof.pem.new", [1, 2, 3])
    #expect(try keys.signing().isNew)
    #expect(try HostDirectory(path: directory).names() == [Array("proof.pem".utf8)])
  }
}
