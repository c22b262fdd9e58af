package import Coppice
package import CoppiceLifecycle

/// A baseline and what there is of it.
package struct BaselineAnswer: Codable, Sendable {
  package var name: String
  package var `class`: String
  package var domain: String
  package var source: String
  package var rules: BaselineRules
  package var addedAt: Timestamp
  /// When it was retired; `nil` while branches are made of it.
  package var retiredAt: Timestamp?
  /// The approved snapshot that was made last.
  package var newest: String?
  /// How long ago that was made.
  package var ageSeconds: UInt64?
  /// Approved snapshots.
  package var snapshotCount: Int
  /// Live branches that came from it.
  package var childCount: Int

  init(_ baseline: Baseline, _ snapshots: BaselineSnapshots, at now: Int64) {
    name = baseline.name
    `class` = baseline.dataClass
    domain = baseline.domain
    source = baseline.source
    rules = baseline.rules
    addedAt = Timestamp(nanoseconds: baseline.addedNanoseconds)
    retiredAt = baseline.retiredNanoseconds.map { Timestamp(nanoseconds: $0) }
    let approved = snapshots.approved(of: baseline.name)
    newest = approved.last?.entry.name
    ageSeconds = approved.last.map { newest in
      let age = now.subtractingReportingOverflow(newest.entry.createdAt.nanoseconds)
      return age.overflow ? 0 : UInt64(max(0, age.partialValue)) / 1_000_000_000
    }
    snapshotCount = approved.count
    childCount = snapshots.childCount(of: baseline.name)
  }
}

/// An approved snapshot, and what was approved by whom.
package struct ApprovalAnswer: Codable, Sendable {
  package var name: String
  package var createdAt: Timestamp
  package var approvedAt: Timestamp
  package var by: String
  /// The hash of its root, in hexadecimal digits.
  package var rootHash: String
  /// The SHA-256 of the file with which somebody attested of what class its content is. It is his
  /// word: nothing here proves it.
  package var attestation: String?
  /// Of which cluster it is, where it was prepared.
  package var preparation: Approval.Preparation?

  init(_ entry: EntryInfo, _ approval: Approval) {
    name = entry.name
    createdAt = entry.createdAt
    approvedAt = Timestamp(nanoseconds: approval.nanoseconds)
    by = approval.by
    rootHash = approval.rootHash
    attestation = approval.attestation
    preparation = approval.preparation
  }
}
