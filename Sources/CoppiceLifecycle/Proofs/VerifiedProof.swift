package import Coppice

/// A proof of deletion that is what its key signed.
package struct VerifiedProof: Hashable, Sendable {
  /// What it says.
  package enum Verdict: Hashable, Sendable {
    /// Nothing that the branch alone held is left.
    case reclaimed
    /// Something is, or may be.
    case held
  }

  package var statement: ReclaimStatement
  /// Of the key that signed it.
  package var keyID: String

  package var verdict: Verdict { statement.predicate.saysReclaimed ? .reclaimed : .held }

  /// Verifies a proof with nothing but its bytes and a public key in PEM.
  ///
  /// Throws `corrupt` for what is no whole envelope, or not what was signed; `invalid` for a key
  /// that is none, another key, and a statement of another kind; `unsupportedFormat` for one that a
  /// later version made.
  package init(_ bytes: [UInt8], publicKey pem: String) throws(StoreError) {
    try self.init(Envelope(bytes), signedBy: PublicProofKey(pem: pem))
  }

  package init(_ envelope: Envelope, signedBy key: PublicProofKey) throws(StoreError) {
    statement = try ReclaimStatement(envelope, signedBy: key)
    keyID = key.id
    guard statement.predicate.schema == ReclaimPredicate.schema, !statement.subject.isEmpty else {
      throw StoreError(
        .unsupportedFormat, "is a proof of the form \(statement.predicate.schema)",
        remedy: "verify it with a later version of Coppice")
    }
  }
}
