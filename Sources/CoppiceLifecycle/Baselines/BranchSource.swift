/// An entry as the rules see it.
package struct BranchSource: Hashable, Sendable {
  package var name: String
  /// Entries that were made later have greater ones.
  package var id: UInt64
  package var dataClass: String
  package var owner: String?
  /// Whether it has expired.
  package var isExpired: Bool
  /// Nanoseconds since 1970-01-01 UTC.
  package var createdNanoseconds: Int64
  package var isApproved: Bool
  /// The baseline that its origin names.
  package var baseline: String?

  package init(
    name: String, id: UInt64, dataClass: String, owner: String? = nil, isExpired: Bool = false,
    createdNanoseconds: Int64 = 0, isApproved: Bool = false, baseline: String? = nil
  ) {
    self.name = name
    self.id = id
    self.dataClass = dataClass
    self.owner = owner
    self.isExpired = isExpired
    self.createdNanoseconds = createdNanoseconds
    self.isApproved = isApproved
    self.baseline = baseline
  }

  package var isSnapshot: Bool { name.utf8.contains(UInt8(ascii: "@")) }

  /// The branch, or that of the snapshot.
  package var branch: String { String(name.utf8.prefix { $0 != UInt8(ascii: "@") }) ?? name }
}

/// What there is to branch from, at one moment.
package struct BranchSources: Sendable {
  /// Without deleted ones.
  package var entries: [BranchSource]
  package var baselines: [Baseline]
  /// Nanoseconds since 1970-01-01 UTC.
  package var now: Int64

  package init(entries: [BranchSource], baselines: [Baseline], now: Int64) {
    self.entries = entries
    self.baselines = baselines
    self.now = now
  }

  package func entry(_ name: String) -> BranchSource? {
    entries.first { $0.name.utf8.elementsEqual(name.utf8) }
  }

  package func baseline(_ name: String) -> Baseline? {
    baselines.first { $0.name.utf8.elementsEqual(name.utf8) }
  }

  /// The approved snapshot of a baseline that was made last, whatever clocks say.
  package func newest(of baseline: Baseline) -> BranchSource? {
    entries.filter {
      $0.isApproved && !$0.isExpired && $0.branch.utf8.elementsEqual(baseline.name.utf8)
    }.max { $0.id < $1.id }
  }

  /// Live branches that came from the baseline. Its work branch is none, also when that was reset
  /// to one of them.
  package func childCount(of baseline: Baseline) -> Int {
    entries.count { entry in
      !entry.isSnapshot && !entry.isExpired
        && entry.baseline.map { $0.utf8.elementsEqual(baseline.name.utf8) } ?? false
        && !entry.name.utf8.elementsEqual(baseline.name.utf8)
    }
  }
}
