package import CoppiceErrors

/// Which snapshots are kept, in restic's words and with its results: those that any of the rules
/// keeps. Periods are those of the calendar, in UTC; weeks are those of ISO 8601.
///
/// They are the results of restic 0.14. Since 0.16 it also keeps the oldest snapshot while a rule
/// has kept fewer than it says.
package struct KeepRules: Hashable, Sendable, Codable {
  /// Of each a number of snapshots, the newest of each period; -1: of all periods; 0: none.
  package var last = 0
  package var hourly = 0
  package var daily = 0
  package var weekly = 0
  package var monthly = 0
  package var yearly = 0
  /// All that are less than this older than the newest one; nothing if it is zero.
  package var within: TimeSpan?

  package init() {}

  /// Whether no rule keeps anything.
  package var isEmpty: Bool { counts.allSatisfy { $0.count == 0 } && within?.seconds ?? 0 == 0 }

  /// Each rule's name, as the command and the API know it, and its count.
  package var counts: [(name: String, count: Int)] {
    [
      ("last", last), ("hourly", hourly), ("daily", daily), ("weekly", weekly),
      ("monthly", monthly), ("yearly", yearly),
    ]
  }
}

extension KeepRules {
  /// Throws `invalid` for rules that would keep nothing, and for counts that are none.
  package func validate() throws(StoreError) {
    for (name, count) in counts where count < -1 {
      throw StoreError(
        .invalid, "\(count) is no number of \(name) snapshots to keep",
        remedy: "give a number, or -1 for all of them")
    }
    guard !isEmpty else {
      throw StoreError(
        .invalid, "no rule keeps any snapshot, so all would go",
        remedy: "give one of \(counts.map(\.name).joined(separator: ", ")) or within")
    }
  }
}
