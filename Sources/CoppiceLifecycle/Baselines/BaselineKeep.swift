package import CoppiceErrors

/// Which approved snapshots of a baseline stay, as requests and the baseline's setting have it; the
/// words are those of `KeepRules`.
package struct BaselineKeep: Hashable, Sendable, Codable {
  package var last: Int?
  package var hourly: Int?
  package var daily: Int?
  package var weekly: Int?
  package var monthly: Int?
  package var yearly: Int?
  package var withinSeconds: UInt64?

  package init() {}

  /// Throws `invalid` for rules that would keep nothing, and for numbers that are none.
  package func rules(of baseline: String) throws(StoreError) -> KeepRules {
    var rules = KeepRules()
    rules.last = last ?? 0
    rules.hourly = hourly ?? 0
    rules.daily = daily ?? 0
    rules.weekly = weekly ?? 0
    rules.monthly = monthly ?? 0
    rules.yearly = yearly ?? 0
    if let withinSeconds {
      guard withinSeconds <= UInt64(UInt32.max) else {
        throw StoreError(
          .invalid, "snapshots are kept for less than 136 years", object: baseline,
          remedy: "keep all: leave the rules out")
      }
      rules.within = TimeSpan(seconds: withinSeconds)
    }
    do throws(StoreError) { try rules.validate() } catch {
      var error = error
      error.object = baseline
      throw error
    }
    return rules
  }
}

extension Baseline {
  /// The approved snapshots that the rules let go, of those that there are; never the newest, which
  /// others branch from.
  ///
  /// - Parameter now: nanoseconds since 1970-01-01 UTC.
  package func pruned(
    _ snapshots: [PrunePlan.Candidate], at now: Int64
  ) throws(StoreError) -> [UInt64] {
    guard let keep = rules.keep else { return [] }
    let newest = snapshots.map(\.id).max()
    return PrunePlan(snapshots, try keep.rules(of: name), now: now).removed
      .filter { $0 != newest }
  }
}
