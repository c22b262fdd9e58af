/// Which snapshots of a branch keep rules let go, and why the others stay: a pure function.
package struct PrunePlan: Hashable, Sendable {
  /// A snapshot. Moments are nanoseconds since 1970.
  package struct Candidate: Hashable, Sendable {
    package var id: UInt64
    package var createdAt: Int64

    package init(id: UInt64, createdAt: Int64) {
      self.id = id
      self.createdAt = createdAt
    }

    init(_ entry: LifecycleEntry) { self.init(id: entry.id, createdAt: entry.createdAt) }
  }

  package struct Kept: Hashable, Sendable {
    package var id: UInt64
    /// In restic's words: `daily snapshot`, `within 3d`.
    package var reasons: [String]

    package init(id: UInt64, reasons: [String]) {
      self.id = id
      self.reasons = reasons
    }
  }

  /// The newest first.
  package private(set) var kept: [Kept] = []
  package private(set) var removed: [UInt64] = []

  /// - Parameter now: what is younger is not taken for the newest one, which `within` goes by.
  /// - Precondition: `rules` are valid: no rule at all would let everything go.
  package init(_ candidates: [Candidate], _ rules: KeepRules, now: Int64) {
    precondition(!rules.isEmpty)
    let newestFirst = candidates.sorted { ($0.createdAt, $0.id) > ($1.createdAt, $1.id) }
    let newest = newestFirst.first { $0.createdAt < now }?.createdAt ?? .min
    let horizon = rules.within.flatMap { span in
      span.seconds > 0 ? newest.lowered(by: span.nanoseconds) : nil
    }
    var counters = Period.allCases.map { Counter(period: $0, left: rules.count(of: $0)) }

    for (number, candidate) in newestFirst.enumerated() {
      var reasons: [String] = []
      if let horizon, let span = rules.within, candidate.createdAt > horizon {
        reasons.append("within \(span)")
      }
      let time = CivilTime(nanoseconds: candidate.createdAt)
      for index in counters.indices where counters[index].keeps(time, number: number) {
        reasons.append("\(counters[index].period.rawValue) snapshot")
      }
      if reasons.isEmpty {
        removed.append(candidate.id)
      } else {
        kept.append(Kept(id: candidate.id, reasons: reasons))
      }
    }
  }

  fileprivate enum Period: String, CaseIterable {
    case last, hourly, daily, weekly, monthly, yearly

    /// Tells the period that a time lies in from others of the kind.
    func key(_ time: CivilTime, number: Int) -> [Int64] {
      switch self {
      case .last: [Int64(number)]
      case .hourly: [time.year, time.month, time.day, time.hour]
      case .daily: [time.year, time.month, time.day]
      case .weekly: [time.week.year, time.week.number]
      case .monthly: [time.year, time.month]
      case .yearly: [time.year]
      }
    }
  }

  /// What one rule has still to keep.
  private struct Counter {
    let period: Period
    /// -1: without an end.
    var left: Int
    var lastKey: [Int64]?

    /// Whether it keeps a snapshot, the next older one of all.
    mutating func keeps(_ time: CivilTime, number: Int) -> Bool {
      guard left != 0 else { return false }
      let key = period.key(time, number: number)
      guard key != lastKey else { return false }
      lastKey = key
      left = max(-1, left - 1)
      return true
    }
  }
}

extension KeepRules {
  fileprivate func count(of period: PrunePlan.Period) -> Int {
    switch period {
    case .last: last
    case .hourly: hourly
    case .daily: daily
    case .weekly: weekly
    case .monthly: monthly
    case .yearly: yearly
    }
  }
}
