package import CoppiceErrors
internal import FoundationEssentials

/// A signed content in the form of DSSE, version 1: what is signed are the bytes of the content and
/// the name of its type, and never a JSON text that a reader would have to write again.
package struct Envelope: Hashable, Sendable, Codable {
  /// By one key.
  package struct Signature: Hashable, Sendable, Codable {
    /// Which key: a hint, that is not signed.
    package var keyid: String
    /// In Base64.
    package var sig: String
  }

  package var payloadType: String
  /// The content, in Base64.
  package var payload: String
  package var signatures: [Signature]

  /// The type of contents that are statements by in-toto.
  package static let statementType = "application/vnd.in-toto+json"
  /// A file with more is none.
  package static let byteCountMax = 1 << 20

  /// Signs a content.
  package init(
    _ content: [UInt8], type: String = statementType, signedBy key: PrivateProofKey
  ) throws(StoreError) {
    let signature = try key.signature(of: Self.signed(content, type))
    payloadType = type
    payload = Base64.text(content)
    signatures = [Signature(keyid: key.publicKey.id, sig: Base64.text(signature))]
  }

  /// From a file's bytes. Throws `corrupt` for what is no envelope, or not all of one.
  package init(_ bytes: [UInt8]) throws(StoreError) {
    guard bytes.count <= Self.byteCountMax else { throw Self.broken("it is too long") }
    do { self = try JSONDecoder().decode(Self.self, from: Data(bytes)) } catch {
      // A decoder's own words are none for people.
      throw Self.broken("it is cut, or no envelope in JSON")
    }
  }

  /// As a file has it: JSON in one line.
  package var bytes: [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do { return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")] } catch {
      preconditionFailure("texts that JSON cannot express: \(error)")
    }
  }

  /// The content, as the key signed it. Throws `corrupt` when what is there is not what was signed,
  /// `invalid` when it is another key's.
  package func content(signedBy key: PublicProofKey) throws(StoreError) -> [UInt8] {
    let own = signatures.filter { $0.keyid == key.id }
    guard !own.isEmpty else {
      let others = signatures.map(\.keyid).joined(separator: ", ")
      throw StoreError(
        .invalid, "is signed by another key than \(key.id)",
        remedy: others.isEmpty ? "ask for the proof again" : "give the public key \(others)")
    }
    guard let content = Base64.bytes(payload) else {
      throw Self.broken("the payload is no Base64")
    }
    let message = Self.signed(content, payloadType)
    for signature in own {
      guard let bytes = Base64.bytes(signature.sig), key.verifies(bytes, of: message) else {
        throw StoreError(
          .corrupt, "is not what the key \(key.id) signed",
          remedy: "trust nothing in it: ask for the proof again")
      }
    }
    return content
  }

  /// DSSE's pre-authentication encoding.
  private static func signed(_ content: [UInt8], _ type: String) -> [UInt8] {
    Array("DSSEv1 \(type.utf8.count) \(type) \(content.count) ".utf8) + content
  }

  private static func broken(_ cause: String) -> StoreError {
    StoreError(
      .corrupt, "is no whole signed envelope", remedy: "ask for the proof again", cause: cause)
  }
}
