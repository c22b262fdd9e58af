/// A registered source of branches: a work branch of the same name, approved snapshots of it, and
/// rules. What the setting `baseline/NAME` holds, as JSON.
package struct Baseline: Hashable, Sendable, Codable {
  package var name: String
  /// What data its domain holds.
  package var dataClass: String
  package var domain: String
  /// Where its content came from, as it was written: `directory:/srv/data`.
  package var source: String
  /// What data the source holds. Where the baseline's class is a lower one, somebody must attest
  /// that its content is what it is called.
  package var sourceClass: String
  package var rules: BaselineRules
  /// Nanoseconds since 1970-01-01 UTC.
  package var addedNanoseconds: Int64
  /// Likewise; `nil` while branches may be made of it.
  package var retiredNanoseconds: Int64?
  /// When it is brought up to date by itself, as it was written; `nil`: when somebody says so.
  package var refresh: String?
  /// With what its snapshots are prepared; `nil`: as all are.
  package var preparation: BaselinePreparation?
  /// The last times that it was brought up to date, the newest last; `nil`: never.
  package var runs: [BaselineRun]?
  /// How often it was changed, or a snapshot of it approved: whoever changes it says what it was.
  package var revision: UInt64 = 0

  package init(
    name: String, dataClass: String, domain: String, source: String, sourceClass: String,
    rules: BaselineRules, addedNanoseconds: Int64
  ) {
    self.name = name
    self.dataClass = dataClass
    self.domain = domain
    self.source = source
    self.sourceClass = sourceClass
    self.rules = rules
    self.addedNanoseconds = addedNanoseconds
  }

  private enum CodingKeys: String, CodingKey {
    case name, domain, source, sourceClass, rules, addedNanoseconds, retiredNanoseconds
    case refresh, preparation, runs, revision
    case dataClass = "class"
  }

  /// How many of them are kept.
  private static let runCountMax = 20

  /// Keeps a run, in the place of what was known of it.
  package mutating func note(_ run: BaselineRun) {
    var others = runs ?? []
    if let last = others.last, last.startedNanoseconds == run.startedNanoseconds,
      last.outcome == .running
    {
      others.removeLast()
    }
    runs = (others + [run]).suffix(Self.runCountMax)
  }

  package var isRetired: Bool { retiredNanoseconds != nil }

  /// What stands behind the `@` of a reference to the newest approved snapshot.
  package static let newest = "newest"

  /// The reference to the newest approved snapshot.
  package var newestReference: String { "\(name)@\(Self.newest)" }

  /// The key of a baseline's setting.
  package static func settingKey(_ name: String) -> String { settingPrefix + name }

  /// What the keys of all baselines' settings begin with.
  package static let settingPrefix = "baseline/"
}

/// What may be made of a baseline, by whom, and for how long.
package struct BaselineRules: Hashable, Sendable, Codable {
  /// Who may branch from it, besides administrators and its owners.
  package var roles: [Principal.Role]
  /// The end of a branch for which none was asked; without one it has none.
  package var ttlDefaultSeconds: UInt64?
  /// The latest end that a branch may have.
  package var ttlMaxSeconds: UInt64?
  /// How many live branches it may have.
  package var childrenMax: Int?
  /// How old a snapshot may be that somebody branches from.
  package var ageMaxSeconds: UInt64?
  /// Which approved snapshots stay; without, all do.
  package var keep: BaselineKeep?

  package init(
    roles: [Principal.Role] = [.developer, .ci], ttlDefaultSeconds: UInt64? = nil,
    ttlMaxSeconds: UInt64? = nil, childrenMax: Int? = nil, ageMaxSeconds: UInt64? = nil,
    keep: BaselineKeep? = nil
  ) {
    self.roles = roles
    self.ttlDefaultSeconds = ttlDefaultSeconds
    self.ttlMaxSeconds = ttlMaxSeconds
    self.childrenMax = childrenMax
    self.ageMaxSeconds = ageMaxSeconds
    self.keep = keep
  }
}
