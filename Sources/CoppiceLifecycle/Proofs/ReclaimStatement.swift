package import Coppice
internal import FoundationEssentials

/// What a proof of deletion says, as a statement by in-toto, version 1: about which states of a
/// store it is, and what became of their bytes.
package struct ReclaimStatement: Hashable, Sendable, Codable {
  /// A branch or snapshot that was deleted.
  package struct Subject: Hashable, Sendable, Codable {
    package struct Digest: Hashable, Sendable, Codable {
      /// The hash of the top node of what was stored of it, 32 digits: zeros when that was nothing.
      /// It is made with a secret of the store, and tells nothing of the content.
      package var coppiceRoot: String
    }

    package var name: String
    package var digest: Digest

    package init(name: String, rootHash: String) {
      self.name = name
      digest = Digest(coppiceRoot: rootHash)
    }
  }

  package static let type = "https://in-toto.io/Statement/v1"
  package static let predicateType = "urn:coppice:reclaim:1"

  /// The branch, then the snapshots that were deleted with it.
  package var subject: [Subject]
  package var predicate: ReclaimPredicate

  package init(subject: [Subject], predicate: ReclaimPredicate) {
    self.subject = subject
    self.predicate = predicate
  }

  private enum CodingKeys: String, CodingKey {
    case type = "_type"
    case subject, predicateType, predicate
  }

  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    subject = try fields.decode([Subject].self, forKey: .subject)
    predicate = try fields.decode(ReclaimPredicate.self, forKey: .predicate)
  }

  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(Self.type, forKey: .type)
    try fields.encode(subject, forKey: .subject)
    try fields.encode(Self.predicateType, forKey: .predicateType)
    try fields.encode(predicate, forKey: .predicate)
  }

  /// The statement as it is signed.
  package func signed(by key: PrivateProofKey) throws(StoreError) -> Envelope {
    try Envelope(bytes, signedBy: key)
  }

  /// As JSON.
  var bytes: [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do { return Array(try encoder.encode(self)) } catch {
      preconditionFailure("a statement that JSON cannot express: \(error)")
    }
  }

  /// From its bytes, which nobody signed; `nil` for others.
  init?(unsigned bytes: [UInt8]) {
    // Why they are none does not matter.
    guard let statement = try? JSONDecoder().decode(Self.self, from: Data(bytes)) else {
      return nil
    }
    self = statement
  }

  /// What an envelope says, if the key signed it. Throws what `Envelope.content` does; `invalid`
  /// for a statement of another kind.
  package init(_ envelope: Envelope, signedBy key: PublicProofKey) throws(StoreError) {
    let content = Data(try envelope.content(signedBy: key))
    let kind = try? JSONDecoder().decode(Kind.self, from: content)
    guard envelope.payloadType == Envelope.statementType, let kind, kind._type == Self.type else {
      throw StoreError(
        .invalid, "is signed, and no statement by in-toto, version 1",
        remedy: "give a proof of deletion")
    }
    guard kind.predicateType == Self.predicateType else {
      throw StoreError(
        .invalid, "is no proof of deletion but of the type \(kind.predicateType)",
        remedy: "give one of the type \(Self.predicateType)")
    }
    do { self = try JSONDecoder().decode(Self.self, from: content) } catch {
      throw StoreError(
        .unsupportedFormat, "is signed, and says what this version does not understand",
        remedy: "verify it with a later version of Coppice", cause: "\(error)")
    }
  }

  private struct Kind: Decodable {
    var _type: String
    var predicateType: String
  }
}
