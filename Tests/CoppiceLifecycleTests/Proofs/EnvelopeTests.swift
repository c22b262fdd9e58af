import Coppice
import CoppiceLifecycle
import TestSupport
import Testing

/// Signed envelopes, and what verifies as one.
@Suite struct EnvelopeTests {
  private func kind(_ body: () throws -> Void) -> StoreError.Kind? {
    do {
      try body()
      return nil
    } catch {
      return (error as? StoreError)?.kind
    }
  }

  @Test func `what was signed verifies with the public key, and with no other`() throws {
    let key = PrivateProofKey()
    let proof = try ReclaimStatement.sample().signed(by: key)
    #expect(proof.payloadType == "application/vnd.in-toto+json")
    #expect(proof.signatures.map(\.keyid) == [key.publicKey.id])
    let verified = try VerifiedProof(proof.bytes, publicKey: key.publicKey.pem)
    #expect(verified.statement == ReclaimStatement.sample())
    #expect(verified.verdict == .reclaimed && verified.keyID == key.publicKey.id)
    let error = #expect(throws: StoreError.self) {
      try VerifiedProof(proof.bytes, publicKey: PrivateProofKey().publicKey.pem)
    }
    #expect(error?.kind == .invalid)
    #expect(error?.remedy.description.contains(key.publicKey.id) == true)
    // Whoever writes his own key's id to another's signature does not get through.
    let other = PrivateProofKey()
    var forged = proof
    forged.signatures[0].keyid = other.publicKey.id
    #expect(
      kind { _ = try VerifiedProof(forged.bytes, publicKey: other.publicKey.pem) } == .corrupt)
  }

  @Test func `a proof with any bit flipped does not verify`() throws {
    let key = PrivateProofKey()
    let pem = key.publicKey.pem
    let bytes = try ReclaimStatement.sample().signed(by: key).bytes
    for index in bytes.indices {
      for bit in 0..<8 {
        var flipped = bytes
        flipped[index] ^= 1 << UInt8(bit)
        let kind = kind { _ = try VerifiedProof(flipped, publicKey: pem) }
        #expect(kind == .corrupt || kind == .invalid, "byte \(index), bit \(bit)")
      }
    }
  }

  @Test func `a proof that was cut does not verify`() throws {
    let key = PrivateProofKey()
    let bytes = try ReclaimStatement.sample().signed(by: key).bytes
    // Behind the end of the object is the end of the line.
    for count in 0..<bytes.count - 1 {
      #expect(
        kind { _ = try VerifiedProof(Array(bytes[..<count]), publicKey: key.publicKey.pem) }
          == .corrupt)
    }
    let long = [UInt8](repeating: UInt8(ascii: " "), count: 1 << 20) + bytes
    #expect(kind { _ = try VerifiedProof(long, publicKey: key.publicKey.pem) } == .corrupt)
  }

  @Test func `a statement of another kind is refused, though the key signed it`() throws {
    let key = PrivateProofKey()
    let other = #"{"_type":"https://in-toto.io/Statement/v1","predicateType":"urn:other:1"}"#
    let masking = try Envelope(Array(other.utf8), signedBy: key)
    let error = #expect(throws: StoreError.self) {
      try VerifiedProof(masking.bytes, publicKey: key.publicKey.pem)
    }
    #expect(error?.kind == .invalid && error?.message.contains("urn:other:1") == true)
    for content in ["{}", "not JSON", ""] {
      let envelope = try Envelope(Array(content.utf8), signedBy: key)
      #expect(
        kind { _ = try VerifiedProof(envelope.bytes, publicKey: key.publicKey.pem) } == .invalid)
    }
    // The type is signed too.
    let text = try Envelope(Array(other.utf8), type: "text/plain", signedBy: key)
    #expect(kind { _ = try VerifiedProof(text.bytes, publicKey: key.publicKey.pem) } == .invalid)
    var changed = text
    changed.payloadType = Envelope.statementType
    #expect(
      kind { _ = try VerifiedProof(changed.bytes, publicKey: key.publicKey.pem) } == .corrupt)
  }

  @Test func `what a later version says is not read as something else`() throws {
    let key = PrivateProofKey()
    var later = ReclaimStatement.sample()
    later.predicate.schema = 2
    let proof = try later.signed(by: key)
    #expect(
      kind { _ = try VerifiedProof(proof.bytes, publicKey: key.publicKey.pem) }
        == .unsupportedFormat)
    let content =
      #"{"_type":"https://in-toto.io/Statement/v1","predicateType":"urn:coppice:reclaim:1"}"#
    let bare = try Envelope(Array(content.utf8), signedBy: key)
    #expect(
      kind { _ = try VerifiedProof(bare.bytes, publicKey: key.publicKey.pem) }
        == .unsupportedFormat)
  }

  @Test func `keys are the same after a way through text, and nothing else is one`() throws {
    let key = PrivateProofKey()
    let again = try PrivateProofKey(pem: key.pem)
    #expect(again.publicKey == key.publicKey && again.pem == key.pem)
    #expect(try PublicProofKey(pem: key.publicKey.pem) == key.publicKey)
    #expect(key.publicKey.id.count == 64)
    let windows = " \n" + key.publicKey.pem.split(separator: "\n").joined(separator: "\r\n")
    #expect(try PublicProofKey(pem: windows) == key.publicKey)
    let secret = #expect(throws: StoreError.self) { try PublicProofKey(pem: key.pem) }
    #expect(secret?.message.contains("private") == true)
    for text in ["", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", "x"] {
      #expect(kind { _ = try PublicProofKey(pem: text) } == .invalid)
      #expect(kind { _ = try PrivateProofKey(pem: text) } == .corrupt)
    }
    let cut = key.publicKey.pem.replacing("=", with: "")
    #expect(kind { _ = try PublicProofKey(pem: cut) } == .invalid)
    #expect(kind { _ = try PrivateProofKey(pem: key.publicKey.pem) } == .corrupt)
  }

  @Test func `a statement says reclaimed only when nothing speaks against it`() throws {
    let whole = ReclaimStatement.sample().predicate
    #expect(whole.saysReclaimed)
    var predicates = [whole, whole, whole, whole, whole, whole]
    predicates[0].isReclaimed = false
    predicates[1].isComplete = false
    predicates[2].isPending = true
    predicates[3].heldByteCount = 1
    predicates[4].forgottenAt = nil
    predicates[5].repairFolders = ["repair-1"]
    for predicate in predicates { #expect(!predicate.saysReclaimed) }
  }
}
