/// One thing that the reaper does, in one transaction. Whoever carries it out looks at the entry
/// once more: a step whose entry is not as it was planned for is passed over.
package struct ReaperStep: Hashable, Sendable {
  package enum Kind: String, Sendable, CaseIterable, Codable {
    /// Live to expired.
    case expire
    /// Expired to deleted.
    case delete
    /// An approved snapshot that its baseline's keep rules let go: live to deleted.
    case prune
  }

  package enum Cause: String, Sendable, Codable {
    /// Its time to live is over.
    case ttl
    /// Its lease was not renewed.
    case lease
    /// It added far more than its limit.
    case limit
    /// It has been expired for as long as the policy lets it.
    case grace
    /// The keep rules of its baseline.
    case keepRules
  }

  package var kind: Kind
  package var id: UInt64
  package var name: String
  package var isSnapshot: Bool
  package var cause: Cause
  /// Since when it is due, in nanoseconds since 1970.
  package var dueAt: Int64
  /// The snapshots of a branch that go with it.
  package var snapshotIDs: [UInt64] = []
  /// Until when what is deleted can be restored; `nil`: as long as the store does it by itself.
  package var keepUntil: Int64?

  package init(
    kind: Kind, id: UInt64, name: String, isSnapshot: Bool, cause: Cause, dueAt: Int64,
    keepUntil: Int64? = nil
  ) {
    self.kind = kind
    self.id = id
    self.name = name
    self.isSnapshot = isSnapshot
    self.cause = cause
    self.dueAt = dueAt
    self.keepUntil = keepUntil
  }
}

/// An entry whose time is over, and which stays for now.
package struct KeptEntry: Hashable, Sendable {
  package enum Reason: Hashable, Sendable {
    /// Until a moment, in nanoseconds since 1970; `Int64.max`: for ever.
    case protected(until: Int64)
    case approved
    /// One of its snapshots is protected.
    case snapshotProtected(String)
    /// One of its snapshots is approved.
    case snapshotApproved(String)
    /// Others hold files of it open, which delays its end by an hour at most.
    case openFiles(count: Int)
    /// It has not been expired for long enough while the machine ran.
    case uptime(seconds: Int64, of: TimeSpan)
    case paused(ReaperPause.Reason)
    /// Too many are due at once, and one ends in a minute.
    case mass(dueCount: Int)
    /// A tick takes no more.
    case cap(stepCount: Int)
  }

  package var id: UInt64
  package var name: String
  package var reason: Reason
}

extension KeptEntry.Reason: CustomStringConvertible {
  package var description: String {
    switch self {
    case .protected(until: .max): "it is protected for ever"
    case .protected(let until): "it is protected until \(CivilTime(nanoseconds: until))"
    case .approved: "it is approved: only its baseline's keep rules end it"
    case .snapshotProtected(let name): "its snapshot \(name) is protected"
    case .snapshotApproved(let name): "its snapshot \(name) is approved"
    case .openFiles(let count):
      "\(count == 1 ? "a file of it is" : "\(count) files of it are") open, for an hour at most"
    case .uptime(let seconds, let span):
      "it has been expired for \(seconds / 60) minutes of uptime, and must be for \(span)"
    case .paused(let reason): "the reaper is paused: \(reason)"
    case .mass(let count):
      "\(count) are due at once: one ends in a minute until that is accepted"
    case .cap(let count): "a tick has \(count) such steps at most"
    }
  }
}

/// Why the reaper does nothing, or little.
package struct ReaperPause: Hashable, Sendable {
  package enum Reason: String, Sendable, CaseIterable, Codable, CustomStringConvertible {
    /// Somebody asked for it.
    case administrator
    /// The store was repaired, and may have lost its ends and its policy.
    case repair
    /// The wall clock left the clock that counts since the machine's start.
    case clock
    /// The wall clock stood behind times that the store had recorded.
    case journal
    /// Too many are due at once: it goes on, by one a minute.
    case mass

    package var description: String {
      switch self {
      case .administrator: "somebody paused it"
      case .repair: "the store was repaired"
      case .clock: "the clock leapt"
      case .journal: "the clock stands behind what the store has recorded"
      case .mass: "too many are due at once"
      }
    }
  }

  package var reason: Reason
  /// The wall clock's time at which it ends by itself, in nanoseconds since 1970; `nil` where that
  /// is not by this clock, or never.
  package var until: Int64?

  package init(reason: Reason, until: Int64? = nil) {
    self.reason = reason
    self.until = until
  }
}
