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

  package init(nanoseconds: Int64, by: String, rootHash: String, attestation: String?) {
    self.nanoseconds = nanoseconds
    self.by = by
    self.rootHash = rootHash
    self.attestation = attestation
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
