package import CoppiceErrors

/// What somebody wants to branch from, and for how long.
package struct BranchingWish: Hashable, Sendable {
  /// A branch, a snapshot, or `BASELINE@newest`.
  package var source: String
  /// How long the new branch shall live; `nil` where nothing was said.
  package var ttlSeconds: UInt64?

  package init(source: String, ttlSeconds: UInt64? = nil) {
    self.source = source
    self.ttlSeconds = ttlSeconds
  }
}

/// What was granted.
package struct BranchingGrant: Hashable, Sendable {
  /// The entry to branch from.
  package var source: BranchSource
  /// How long the new branch lives; `nil`: it has no end.
  package var ttlSeconds: UInt64?

  package init(source: BranchSource, ttlSeconds: UInt64?) {
    self.source = source
    self.ttlSeconds = ttlSeconds
  }
}

// Who may branch from what. All that no rule grants is denied, and what a principal may not see is
// not there for him.

extension BranchSources {
  /// The entry that the principal may branch from.
  ///
  /// Throws `notFound` for what there is not and for what he may not see, `denied` where a rule
  /// forbids it: that names the rule and what he may branch from instead.
  package func grant(
    _ wish: BranchingWish, to principal: Principal
  ) throws(StoreError) -> BranchingGrant {
    switch principal.role {
    case .administrator:
      return BranchingGrant(
        source: try resolved(wish.source, for: principal), ttlSeconds: wish.ttlSeconds)
    case .baselineOwner:
      let entry = try resolved(wish.source, for: principal)
      guard isPart(entry, of: principal) else { throw notFound(wish.source, for: principal) }
      return BranchingGrant(source: entry, ttlSeconds: wish.ttlSeconds)
    case .developer, .ci: return try limitedGrant(wish, to: principal)
    case .operator, .auditor:
      // These two see all names.
      _ = try resolved(wish.source, for: principal)
      throw refusal(
        wish.source, "the role \(principal.role.rawValue) branches from nothing", for: principal)
    }
  }

  /// References to the baselines that the principal may branch from now.
  package func offers(to principal: Principal) -> [String] {
    baselines.filter { baseline in
      guard let newest = newest(of: baseline) else { return false }
      return switch principal.role {
      case .administrator: true
      case .baselineOwner: principal.mayKnow(baseline)
      case .developer, .ci:
        principal.mayKnow(baseline) && principal.classes.contains(baseline.dataClass)
          && objection(to: newest, of: baseline, for: principal) == nil
      case .operator, .auditor: false
      }
    }.map(\.newestReference)
  }

  // MARK: Developers and CI

  private func limitedGrant(
    _ wish: BranchingWish, to principal: Principal
  ) throws(StoreError) -> BranchingGrant {
    let branch = BranchSource(name: wish.source, id: 0, dataClass: "").branch
    guard let baseline = baseline(branch) else {
      guard let entry = entry(wish.source), principal.owns(entry) else {
        throw notFound(wish.source, for: principal)
      }
      return try own(entry, wish, principal)
    }
    guard principal.mayKnow(baseline), wish.source.utf8.contains(UInt8(ascii: "@")) else {
      throw notFound(wish.source, for: principal)
    }
    guard principal.classes.contains(baseline.dataClass) else {
      throw refusal(
        wish.source,
        "\(baseline.name) is \(baseline.dataClass), this token has \(principal.classList)",
        for: principal)
    }
    if let objection = objection(to: nil, of: baseline, for: principal) {
      throw refusal(wish.source, objection, for: principal)
    }
    let entry = try resolved(wish.source, for: principal)
    guard entry.isApproved, !entry.isExpired else { throw notFound(wish.source, for: principal) }
    if let objection = objection(to: entry, of: baseline, for: principal) {
      throw refusal(wish.source, objection, for: principal)
    }
    let ttlSeconds = wish.ttlSeconds ?? baseline.rules.ttlDefaultSeconds
    try checkEnd(ttlSeconds, wish, baseline.rules.ttlMaxSeconds, principal)
    return BranchingGrant(source: entry, ttlSeconds: ttlSeconds ?? baseline.rules.ttlMaxSeconds)
  }

  private func own(
    _ entry: BranchSource, _ wish: BranchingWish, _ principal: Principal
  ) throws(StoreError) -> BranchingGrant {
    guard principal.classes.contains(entry.dataClass) else {
      throw refusal(
        wish.source, "\(entry.name) is \(entry.dataClass), this token has \(principal.classList)",
        for: principal)
    }
    guard !entry.isExpired else {
      throw refusal(wish.source, "\(entry.branch) has expired", for: principal)
    }
    // The rules of the baseline that it came from hold for what comes of it.
    let rules = entry.baseline.flatMap(baseline)?.rules
    let ttlSeconds = wish.ttlSeconds ?? rules?.ttlDefaultSeconds
    try checkEnd(ttlSeconds, wish, rules?.ttlMaxSeconds, principal)
    return BranchingGrant(source: entry, ttlSeconds: ttlSeconds ?? rules?.ttlMaxSeconds)
  }

  /// Which rule forbids to branch from a snapshot; without one, which rule forbids all of the
  /// baseline's.
  private func objection(
    to snapshot: BranchSource?, of baseline: Baseline, for principal: Principal
  ) -> String? {
    let rules = baseline.rules
    if baseline.isRetired { return "\(baseline.name) is retired" }
    guard rules.roles.contains(principal.role) else {
      let roles = rules.roles.map(\.rawValue).joined(separator: ", ")
      return "\(baseline.name) is for the roles \(roles.isEmpty ? "-" : roles), "
        + "this token has \(principal.role.rawValue)"
    }
    if let snapshot, let ageMax = rules.ageMaxSeconds {
      let nanoseconds = now.subtractingReportingOverflow(snapshot.createdNanoseconds)
      let age = UInt64(max(0, nanoseconds.overflow ? .max : nanoseconds.partialValue))
      if age / 1_000_000_000 >= ageMax {
        return "\(snapshot.name) is \(Self.span(age / 1_000_000_000)) old, "
          + "\(baseline.name) allows less than \(Self.span(ageMax))"
      }
    }
    if let childrenMax = rules.childrenMax {
      let count = childCount(of: baseline)
      if count >= childrenMax {
        return "the limit of live branches of \(baseline.name) is \(childrenMax), it has \(count)"
      }
    }
    return nil
  }

  private func checkEnd(
    _ ttlSeconds: UInt64?, _ wish: BranchingWish, _ ttlMaxSeconds: UInt64?, _ principal: Principal
  ) throws(StoreError) {
    if let ttlSeconds, let ttlMaxSeconds, ttlSeconds > ttlMaxSeconds {
      throw StoreError(
        .denied,
        "branches of it live for \(Self.span(ttlMaxSeconds)) at most, not for "
          + "\(Self.span(ttlSeconds))",
        object: wish.source, remedy: "ask for a TTL of \(Self.span(ttlMaxSeconds))",
        reason: .policy)
    }
    if principal.role == .ci, ttlSeconds ?? ttlMaxSeconds == nil {
      throw StoreError(
        .denied, "branches of the role ci have an end", object: wish.source,
        remedy: "ask for a TTL", reason: .policy)
    }
  }

  // MARK: Names

  private func resolved(
    _ source: String, for principal: Principal
  ) throws(StoreError) -> BranchSource {
    let newest = baselines.first { $0.newestReference.utf8.elementsEqual(source.utf8) }
    guard let found = newest.map({ self.newest(of: $0) }) ?? entry(source) else {
      throw notFound(source, for: principal)
    }
    return found
  }

  /// Whether it is a baseline's work branch, or a snapshot of that.
  private func isPart(_ entry: BranchSource, of owner: Principal) -> Bool {
    baseline(entry.branch).map(owner.mayKnow) ?? false
  }

  private func notFound(_ source: String, for principal: Principal) -> StoreError {
    StoreError(
      .notFound, "there is no such branch or snapshot", object: source,
      remedy: Remedy(remedy(for: principal)))
  }

  private func refusal(_ source: String, _ rule: String, for principal: Principal) -> StoreError {
    StoreError(
      .denied, rule, object: source, remedy: Remedy(remedy(for: principal)), reason: .policy)
  }

  private static func span(_ seconds: UInt64) -> TimeSpan {
    TimeSpan(seconds: min(seconds, UInt64(UInt32.max)))
  }

  private func remedy(for principal: Principal) -> String {
    let offers = offers(to: principal).joined(separator: ", ")
    return offers.isEmpty
      ? "ask whoever keeps the baselines" : "what can be branched from: \(offers)"
  }
}

extension Principal {
  /// Whether the baseline is there for him: it is one of those that are named to him or, where none
  /// are, of his classes.
  fileprivate func mayKnow(_ baseline: Baseline) -> Bool {
    guard let baselines else { return classes.contains(baseline.dataClass) }
    return baselines.contains { $0.utf8.elementsEqual(baseline.name.utf8) }
  }

  /// Whether the entry is his own: he made it, or its name has his prefix.
  fileprivate func owns(_ entry: BranchSource) -> Bool {
    if let prefix, !prefix.isEmpty, entry.name.utf8.starts(with: prefix.utf8) { return true }
    return entry.owner.map { !name.isEmpty && $0.utf8.elementsEqual(name.utf8) } ?? false
  }

  fileprivate var classList: String {
    classes.isEmpty ? "none" : classes.sorted().joined(separator: ", ")
  }
}
