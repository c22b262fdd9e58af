/// That branching from a snapshot is allowed: its annotation `approval`, as JSON.
package struct Approval: Hashable, Sendable, Codable {
  /// Nanoseconds since 1970-01-01 UTC.
  package var nanoseconds: Int64
  package var by: String
  /// The hash of the snapshot's root, in hexadecimal digits: two snapshots with one have the same
  /// content.
  package var rootHash: String
  /// The SHA-256 of the file with which somebody attested of what class the content is.
  package var attestation: String?
  /// What was done to it before; `nil` where it was approved as it was.
  package var preparation: Preparation?

  /// Of which cluster a snapshot is, and what it was made fit with.
  package struct Preparation: Hashable, Sendable, Codable {
    package var major: Int
    /// The origin's, in decimal digits.
    package var systemIdentifier: String
    package var timeline: Int
    /// Where the last checkpoint lies in the log, as `0/1A2B3C4D`.
    package var checkpoint: String
    /// Whether its files were compared with the manifest of their backup.
    package var isVerified: Bool
    /// Codes of findings that were taken as they are.
    package var accepted: [String]
    /// The SHA-256 of the statements that neutralised it, in hexadecimal digits; `nil` without any.
    package var statementsHash: String?

    package init(
      major: Int, systemIdentifier: String, timeline: Int, checkpoint: String, isVerified: Bool,
      accepted: [String], statementsHash: String?
    ) {
      self.major = major
      self.systemIdentifier = systemIdentifier
      self.timeline = timeline
      self.checkpoint = checkpoint
      self.isVerified = isVerified
      self.accepted = accepted
      self.statementsHash = statementsHash
    }
  }

  package init(
    nanoseconds: Int64, by: String, rootHash: String, attestation: String?,
    preparation: Preparation? = nil
  ) {
    self.nanoseconds = nanoseconds
    self.by = by
    self.rootHash = rootHash
    self.attestation = attestation
    self.preparation = preparation
  }
}

/// The approved snapshot that a branch came from: its annotation `origin`, as JSON. An approved
/// snapshot has itself as its origin, which forks take from it.
package struct Origin: Hashable, Sendable, Codable {
  package var baseline: String
  /// As it was called then.
  package var snapshot: String
  package var id: UInt64
  package var rootHash: String

  package init(baseline: String, snapshot: String, id: UInt64, rootHash: String) {
    self.baseline = baseline
    self.snapshot = snapshot
    self.id = id
    self.rootHash = rootHash
  }
}
