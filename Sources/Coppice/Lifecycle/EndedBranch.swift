internal import CoppiceEngine
internal import CoppiceFormat

/// How a branch that ended by itself came to its end.
package struct EntryEnding: Hashable, Sendable, Codable {
  package enum Cause: String, Hashable, Sendable, Codable, CaseIterable {
    /// Its time to live was over.
    case ttl
    /// Its lease was not renewed.
    case lease
    /// It went far beyond its limit.
    case limit
    /// Somebody had it expire, and nobody renewed it.
    case expire
  }

  package var cause: Cause
  /// Who had it expire; `nil` where that is not known, and where nobody did.
  package var by: String?

  package init(_ cause: Cause, by: String? = nil) {
    self.cause = cause
    self.by = by
  }

  private enum CodingKeys: String, CodingKey { case cause, by }

  /// What is missing is null.
  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(cause, forKey: .cause)
    try fields.encode(by, forKey: .by)
  }
}

/// A branch that ended by itself, and the snapshots that went with it: nothing brings them back,
/// and a collection has found out which pages and nodes died with them.
package struct EndedBranch: Hashable, Sendable {
  package struct Entry: Hashable, Sendable {
    package var name: String
    package var id: UInt64
    /// As `Store.rootHash`.
    package var rootHash: String
  }

  /// The branch, then the snapshots.
  package var entries: [Entry]
  package var ending: EntryEnding
  package var domain: Domain
  package var createdAt: Timestamp
  package var deletedAt: Timestamp
  package var owner: String?
  package var labels: Labels
  /// What it was made from, by its name of today; `nil` when that is deleted.
  package var parent: String?
  /// The value of its annotation.
  package var origin: [UInt8]?
}

extension Store {
  /// What waits for a proof of its end, in order of deletion. Costs little when nothing does.
  package func endedBranches() -> [EndedBranch] {
    let waiting = engine.collector.endsToProve
    guard !waiting.isEmpty else { return [] }
    let domains = engine.branches.namedDomains()
    return waiting.compactMap { group in endedBranch(group, domains) }
  }

  private func endedBranch(
    _ entries: [BranchEntry], _ domains: [DomainID: KnownDomain]
  ) -> EndedBranch? {
    guard let branch = entries.first, let ending = branch.annotations.ending else { return nil }
    let known = engine.branches.entry(branch.parent)
    let parent = known.flatMap { $0.flags.contains(.deleted) ? nil : $0 }
    let others = entries.dropFirst().sorted {
      $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
    }
    return EndedBranch(
      entries: ([branch] + others).map { entry in
        EndedBranch.Entry(
          name: entry.name, id: entry.id.rawValue, rootHash: entry.root.hash.digits)
      },
      ending: EntryEnding(EntryEnding.Cause(ending.cause), by: ending.by),
      domain: Domain(domains[branch.domain] ?? KnownDomain(branch.domain)),
      createdAt: Timestamp(nanoseconds: branch.createdAt),
      deletedAt: Timestamp(nanoseconds: branch.deletedAt),
      owner: branch.annotations[.owner].flatMap(EntryField.text), labels: branch.labels,
      parent: parent?.name, origin: branch.annotations[.origin])
  }

  /// Looks for every page and node that each of these alone held; `nil` for one of which nothing is
  /// known any more. Who keeps what they shared is not told.
  package func verifyReclaims(
    of ended: [EndedBranch]
  ) throws(StoreError) -> [ReclaimVerification?] {
    try engine.accounts.reclaimProofs(ofEnds: ended.map { $0.entries.map { BranchID($0.id) } })
      .map { $0.map(ReclaimVerification.init) }
  }

  /// Lets go of what is known of these: their proofs are kept. Durable on return.
  package func forget(_ ended: [EndedBranch]) throws(StoreError) {
    try engine.collector.forgetProven(Set(ended.flatMap(\.entries).map { BranchID($0.id) }))
  }

  /// Ends that nothing takes back, and whose proof is to come.
  package var waitingEndCount: Int { engine.collector.waitingEndCount }

  /// Ends since opening of which there will be no proof.
  package var missedEndCount: Int { engine.collector.missedEndCount }

  /// Overwrites what the journal holds of what is gone, as `collectGarbage` does that is full.
  package func eraseJournal() throws(StoreError) { _ = try engine.collector.eraseJournal() }

  /// The number of the last collection that is through.
  package var collectionNumber: UInt64 { engine.accounts.collectionState.cycleNumber }
}

extension EntryEnding.Cause {
  init(_ cause: Ending.Cause) {
    self =
      switch cause {
      case .ttl: .ttl
      case .lease: .lease
      case .limit: .limit
      case .expire: .expire
      }
  }

  var stored: Ending.Cause {
    switch self {
    case .ttl: .ttl
    case .lease: .lease
    case .limit: .limit
    case .expire: .expire
    }
  }
}
