import CoppiceErrors
import CoppiceLifecycle
import Testing

/// Who may branch from what: the table of the rules, row by row.
@Suite struct BranchingRulesTests {
  private static let day: Int64 = 86_400_000_000_000
  private static let now = 100 * day

  private static func baseline(
    _ name: String, _ dataClass: String, _ rules: BaselineRules = BaselineRules(),
    isRetired: Bool = false
  ) -> Baseline {
    var baseline = Baseline(
      name: name, dataClass: dataClass, domain: dataClass, source: "branch:\(name)",
      sourceClass: "raw", rules: rules, addedNanoseconds: 0)
    if isRetired { baseline.retiredNanoseconds = 1 }
    return baseline
  }

  private static func snapshot(
    _ name: String, _ id: UInt64, _ dataClass: String, age: Int64 = 0, isApproved: Bool = true
  ) -> BranchSource {
    BranchSource(
      name: name, id: id, dataClass: dataClass, createdNanoseconds: now - age * day,
      isApproved: isApproved)
  }

  private static func branch(
    _ name: String, _ id: UInt64, _ dataClass: String, of owner: String? = nil,
    isExpired: Bool = false, from baseline: String? = nil
  ) -> BranchSource {
    BranchSource(
      name: name, id: id, dataClass: dataClass, owner: owner, isExpired: isExpired,
      baseline: baseline)
  }

  private static let sources = BranchSources(
    entries: [
      branch("prod", 1, "raw"), snapshot("prod@one", 10, "raw"),
      branch("masked", 2, "masked"), snapshot("masked@old", 11, "masked", age: 3),
      // Made last, by a clock that stood behind: it is the newest all the same.
      snapshot("masked@new", 13, "masked", age: 5),
      snapshot("masked@draft", 14, "masked", isApproved: false),
      branch("fresh", 3, "masked"), snapshot("fresh@old", 15, "masked", age: 2),
      branch("full", 4, "masked"), snapshot("full@a", 16, "masked"),
      branch("gone", 5, "masked"), snapshot("gone@a", 17, "masked"),
      branch("team", 6, "masked"), snapshot("team@a", 18, "masked"),
      // Reset to a branch that came from it.
      branch("short", 7, "masked", from: "short"), snapshot("short@a", 19, "masked"),
      branch("none-yet", 8, "masked"),
      branch("mine", 30, "masked", of: "ann", from: "full"),
      branch("mine-raw", 31, "raw", of: "ann"),
      branch("mine-expired", 32, "masked", of: "ann", isExpired: true, from: "full"),
      branch("mine-short", 33, "masked", of: "ann", from: "short"),
      branch("ann-1", 34, "masked", of: "bob"), snapshot("ann-1@x", 35, "masked"),
      branch("other", 36, "masked", of: "bob"), branch("nobodys", 37, "masked"),
    ],
    baselines: [
      baseline("prod", "raw"), baseline("masked", "masked"),
      baseline("fresh", "masked", BaselineRules(ageMaxSeconds: 86_400)),
      baseline("full", "masked", BaselineRules(childrenMax: 1)),
      baseline("gone", "masked", isRetired: true),
      baseline("team", "masked", BaselineRules(roles: [.ci])),
      baseline(
        "short", "masked",
        BaselineRules(
          ttlDefaultSeconds: 60, ttlMaxSeconds: 600, childrenMax: 2)),
      baseline("none-yet", "masked"),
    ], now: now)

  /// Somebody, what he wants, and what comes of it: an entry with the TTL that it gets, or the kind
  /// and message of the refusal.
  struct Row: Sendable, CustomTestStringConvertible {
    var role: Principal.Role
    var source: String
    var outcome: String
    var ttl: UInt64?
    var classes: Set<String> = ["masked"]
    var baselines: [String]?

    var testDescription: String { "\(role.rawValue) \(source)" }
  }

  private static let notFound = "notFound: there is no such branch or snapshot"

  static let rows = [
    // Administrators: anything that is there, and no rule binds them.
    Row(role: .administrator, source: "prod", outcome: "prod"),
    Row(role: .administrator, source: "masked@newest", outcome: "masked@new"),
    Row(role: .administrator, source: "masked@draft", outcome: "masked@draft"),
    Row(role: .administrator, source: "gone@a", outcome: "gone@a"),
    Row(role: .administrator, source: "mine-expired", outcome: "mine-expired"),
    Row(role: .administrator, source: "short@newest", outcome: "short@a 6000", ttl: 6000),
    Row(role: .administrator, source: "none-yet@newest", outcome: notFound),
    Row(role: .administrator, source: "other@newest", outcome: notFound),
    Row(role: .administrator, source: "nothing", outcome: notFound),
    // Owners: all parts of their baselines.
    Row(role: .baselineOwner, source: "masked", outcome: "masked"),
    Row(role: .baselineOwner, source: "masked@draft", outcome: "masked@draft"),
    Row(role: .baselineOwner, source: "gone@a", outcome: "gone@a"),
    Row(role: .baselineOwner, source: "full@newest", outcome: "full@a"),
    Row(role: .baselineOwner, source: "prod", outcome: notFound),
    Row(role: .baselineOwner, source: "masked", outcome: notFound, baselines: ["prod"]),
    Row(role: .baselineOwner, source: "prod", outcome: "prod", baselines: ["prod"]),
    Row(role: .baselineOwner, source: "other", outcome: notFound),
    // Developers: approved snapshots of usable baselines.
    Row(role: .developer, source: "masked@newest", outcome: "masked@new"),
    Row(role: .developer, source: "masked@old", outcome: "masked@old"),
    Row(role: .developer, source: "masked@draft", outcome: notFound),
    Row(role: .developer, source: "masked@nothing", outcome: notFound),
    Row(role: .developer, source: "masked", outcome: notFound),
    Row(role: .developer, source: "prod@newest", outcome: notFound),
    Row(role: .developer, source: "prod@one", outcome: notFound),
    Row(
      role: .developer, source: "prod@newest",
      outcome: "denied: prod is raw, this token has masked", baselines: ["prod", "masked"]),
    Row(role: .developer, source: "masked@newest", outcome: notFound, baselines: ["prod"]),
    Row(role: .developer, source: "masked@newest", outcome: notFound, classes: []),
    Row(
      role: .developer, source: "fresh@newest",
      outcome: "denied: fresh@old is 2d old, fresh allows less than 1d"),
    Row(
      role: .developer, source: "full@newest",
      outcome: "denied: the limit of live branches of full is 1, it has 1"),
    Row(role: .developer, source: "gone@a", outcome: "denied: gone is retired"),
    Row(
      role: .developer, source: "team@newest",
      outcome: "denied: team is for the roles ci, this token has developer"),
    Row(role: .developer, source: "none-yet@newest", outcome: notFound),
    Row(role: .developer, source: "short@newest", outcome: "short@a 60"),
    Row(role: .developer, source: "short@newest", outcome: "short@a 600", ttl: 600),
    Row(
      role: .developer, source: "short@newest",
      outcome: "denied: branches of it live for 10m at most, not for 601s", ttl: 601),
    // And their own live branches.
    Row(role: .developer, source: "mine", outcome: "mine"),
    Row(role: .developer, source: "ann-1", outcome: "ann-1"),
    Row(role: .developer, source: "ann-1@x", outcome: "ann-1@x"),
    Row(role: .developer, source: "mine-short", outcome: "mine-short 60"),
    Row(
      role: .developer, source: "mine-short",
      outcome: "denied: branches of it live for 10m at most, not for 601s", ttl: 601),
    Row(
      role: .developer, source: "mine-raw",
      outcome: "denied: mine-raw is raw, this token has masked"),
    Row(role: .developer, source: "mine-expired", outcome: "denied: mine-expired has expired"),
    Row(role: .developer, source: "other", outcome: notFound),
    Row(role: .developer, source: "nobodys", outcome: notFound),
    // CI: as developers, with an end.
    Row(role: .ci, source: "team@newest", outcome: "team@a 5", ttl: 5),
    Row(
      role: .ci, source: "team@newest",
      outcome: "denied: branches of the role ci have an end"),
    Row(role: .ci, source: "short@newest", outcome: "short@a 60"),
    Row(role: .ci, source: "mine", outcome: "denied: branches of the role ci have an end"),
    Row(role: .ci, source: "prod@one", outcome: notFound, ttl: 5),
    // Operators and auditors: nothing.
    Row(
      role: .operator, source: "masked@newest",
      outcome: "denied: the role operator branches from nothing"),
    Row(role: .operator, source: "nothing", outcome: notFound),
    Row(role: .auditor, source: "other", outcome: "denied: the role auditor branches from nothing"),
  ]

  private func outcome(_ row: Row) -> String {
    let principal = Principal(
      role: row.role, name: "ann", classes: row.classes, prefix: "ann-", baselines: row.baselines)
    do throws(StoreError) {
      let wish = BranchingWish(source: row.source, ttlSeconds: row.ttl)
      let grant = try Self.sources.grant(wish, to: principal)
      return grant.source.name + (grant.ttlSeconds.map { " \($0)" } ?? "")
    } catch {
      #expect(!error.remedy.isEmpty)
      return "\(error.kind): \(error.message)"
    }
  }

  @Test(arguments: rows)
  func `the table of who may branch from what holds`(row: Row) {
    #expect(outcome(row) == row.outcome)
  }

  @Test func `a refusal says what can be branched from instead`() throws {
    let ann = Principal(
      role: .developer, name: "ann", classes: ["masked"], baselines: ["prod", "masked", "full"])
    let error = #expect(throws: StoreError.self) {
      try Self.sources.grant(BranchingWish(source: "prod@newest"), to: ann)
    }
    #expect(error?.message == "prod is raw, this token has masked")
    #expect(error?.remedy.description == "what can be branched from: masked@newest")
    // All who may branch from something are offered what they get.
    for role in Principal.Role.allCases {
      let principal = Principal(role: role, name: "ann", classes: ["masked"])
      for offer in Self.sources.offers(to: principal) {
        let wish = BranchingWish(source: offer, ttlSeconds: 60)
        _ = try Self.sources.grant(wish, to: principal)
      }
    }
    let auditor = Principal(role: .auditor, name: "ann", classes: ["masked"])
    #expect(Self.sources.offers(to: auditor).isEmpty)
  }

  @Test func `an owner without a name, or an empty prefix, owns nothing`() {
    let sources = BranchSources(
      entries: [BranchSource(name: "x", id: 1, dataClass: "raw", owner: "")], baselines: [], now: 0)
    let nobody = Principal(role: .developer, name: "", classes: ["raw"], prefix: "")
    #expect(throws: StoreError.self) {
      try sources.grant(BranchingWish(source: "x"), to: nobody)
    }
  }
}
