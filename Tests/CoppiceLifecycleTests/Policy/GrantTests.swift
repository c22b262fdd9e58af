internal import CoppiceErrors
internal import CoppiceLifecycle
internal import Testing

/// What requests get, and what they are refused.
@Suite struct GrantTests {
  private static let second: Int64 = 1_000_000_000
  private static let hour = 3600 * second
  private static let now: Int64 = 1_764_460_800 * second

  private static let policy: Policy = {
    let text = """
      {"rules": [
        {"name": "ci-*", "ttlDefault": "2h", "ttlMax": "3d", "leaseDefault": "15m",
         "limit": "10G", "protectMax": "1d"},
        {"name": "max-*", "ttlMax": "1d"},
        {"name": "never-*", "protectMax": "0s"}
      ], "ttlRequired": ["ci"]}
      """
    return (try? PolicyDocument(Array(text.utf8)).policy) ?? Policy()
  }()

  private static func request(
    _ name: String, role: Principal.Role = .administrator,
    _ change: (inout EndsRequest) -> Void = { _ in }
  ) -> EndsRequest {
    var request = EndsRequest(PolicySubject(name: name, role: role))
    change(&request)
    return request
  }

  private static func grant(_ request: EndsRequest, now: Int64 = now) throws(StoreError)
    -> EndsGrant
  {
    try policy.granting(request, now: now)
  }

  @Test func `a rule gives what nobody asked for`() throws {
    let given = try Self.grant(Self.request("ci-1"))
    #expect(
      given
        == EndsGrant(
          ends: EntryEnds(
            expiresAt: Self.now + 2 * Self.hour, ttl: .hours(2),
            leaseUntil: Self.now + 900 * Self.second, leasePeriod: .minutes(15)),
          protectedUntil: nil, limit: ByteCount(10 << 30),
          notes: ["it lives for 2h by rules[0] (name ci-*)"]))
    let longest = try Self.grant(Self.request("max-1"))
    #expect(longest.ends == EntryEnds(expiresAt: Self.now + 24 * Self.hour, ttl: .days(1)))
    #expect(longest.limit == nil)
    #expect(longest.notes == ["it lives for 1d by rules[1] (name max-*)"])
  }

  @Test func `without a rule nothing ends that was not given an end`() throws {
    let none = EndsGrant(ends: EntryEnds(), protectedUntil: nil, limit: nil, notes: [])
    #expect(try Self.grant(Self.request("main")) == none)
    #expect(try Policy().granting(Self.request("main"), now: Self.now) == none)
    let lease = try Self.grant(Self.request("main") { $0.lease = .hours(1) })
    #expect(lease.ends == EntryEnds(leaseUntil: Self.now + Self.hour, leasePeriod: .hours(1)))
  }

  @Test func `what is asked for is given within the rule`() throws {
    let given = try Self.grant(
      Self.request("ci-1", role: .developer) {
        $0.ttl = .days(3)
        $0.lease = .days(30)
        $0.limit = ByteCount(10 << 30)
        $0.protection = .span(.days(1))
      })
    #expect(
      given
        == EndsGrant(
          ends: EntryEnds(
            expiresAt: Self.now + 72 * Self.hour, ttl: .days(3),
            leaseUntil: Self.now + 720 * Self.hour, leasePeriod: .days(30)),
          protectedUntil: Self.now + 24 * Self.hour, limit: ByteCount(10 << 30), notes: []))
    let moment = try Self.grant(
      Self.request("ci-1") {
        $0.expiresAt = Self.now + 72 * Self.hour
        $0.protection = .forEver
      })
    #expect(moment.ends.expiresAt == Self.now + 72 * Self.hour)
    #expect(moment.ends.ttl == nil)
    #expect(moment.protectedUntil == .max)
    let free = try Self.grant(
      Self.request("main") {
        $0.expiresAt = .max - 1
        $0.protection = .until(.max - 1)
        $0.limit = ByteCount(.max)
      })
    #expect(free.ends == EntryEnds(expiresAt: .max - 1))
    #expect(free.protectedUntil == Int64.max - 1)
    #expect(free.limit == ByteCount(.max))
  }

  struct Refusal: Sendable {
    var name = "ci-1"
    var role = Principal.Role.administrator
    var now = GrantTests.now
    var change: @Sendable (inout EndsRequest) -> Void
    var kind = StoreError.Kind.invalid
    var words: [String]
  }

  private static let refusals: [Refusal] = [
    Refusal(change: { $0.ttl = TimeSpan(seconds: 0) }, words: ["0s", "a second or more"]),
    Refusal(
      change: {
        $0.ttl = .hours(1)
        $0.expiresAt = GrantTests.now + 1
      }, words: ["one of the two"]),
    Refusal(
      change: { $0.ttl = .days(4) }, kind: .denied,
      words: ["rules[0] (name ci-*)", "3d at most", "4d", "3d or less"]),
    Refusal(
      change: { $0.expiresAt = GrantTests.now + 72 * GrantTests.hour + 1 }, kind: .denied,
      words: ["rules[0]", "3d at most", "2025-12-03T00:00:00Z or earlier"]),
    Refusal(
      change: { $0.expiresAt = GrantTests.now },
      words: ["2025-11-30T00:00:00Z is in the past", "later"]),
    Refusal(change: { $0.expiresAt = -1 }, words: ["1969-12-31T23:59:59Z is in the past"]),
    Refusal(name: "main", change: { $0.expiresAt = .max }, words: ["2262", "earlier"]),
    Refusal(
      name: "main", now: .max - 59 * GrantTests.second, change: { $0.ttl = .minutes(1) },
      words: ["2262", "shorter"]),
    Refusal(
      name: "main", now: .max - 59 * GrantTests.second, change: { $0.lease = .minutes(1) },
      words: ["2262", "shorter"]),
    Refusal(change: { $0.lease = TimeSpan(seconds: 0) }, words: ["no lease of 0s"]),
    Refusal(change: { $0.limit = ByteCount(0) }, words: ["a byte or more"]),
    Refusal(
      change: { $0.limit = ByteCount(11 << 30) }, kind: .denied,
      words: ["rules[0]", "10GiB at most", "11GiB", "10GiB or less"]),
    Refusal(change: { $0.protection = .span(TimeSpan(seconds: 0)) }, words: ["protected for 0s"]),
    Refusal(change: { $0.protection = .until(GrantTests.now) }, words: ["in the past"]),
    Refusal(change: { $0.protection = .until(.max) }, words: ["2262", "for ever"]),
    Refusal(
      role: .developer, change: { $0.protection = .forEver }, kind: .denied,
      words: ["only administrators", "a length of time"]),
    Refusal(
      role: .developer, change: { $0.protection = .span(.hours(25)) }, kind: .denied,
      words: ["rules[0]", "1d at most", "until 2025-12-01T01:00:00Z", "1d or less"]),
    Refusal(
      name: "main", role: .baselineOwner, change: { $0.protection = .span(.hours(1)) },
      kind: .denied, words: ["no rule", "role baseline-owner", "an administrator"]),
    Refusal(
      name: "never-1", role: .developer, change: { $0.protection = .span(.hours(1)) },
      kind: .denied, words: ["rules[2]", "role developer", "an administrator"]),
    Refusal(
      name: "main", role: .ci, change: { $0.lease = .hours(1) }, kind: .denied,
      words: ["role ci", "ttlRequired", "a time to live"]),
  ]

  @Test func `what no rule gives is refused, with the rule and what is allowed`() throws {
    for refusal in Self.refusals {
      let request = Self.request(refusal.name, role: refusal.role, refusal.change)
      let error = try #require(throws: StoreError.self) {
        try Self.grant(request, now: refusal.now)
      }
      #expect(error.kind == refusal.kind, "\(error)")
      #expect(error.reason == (refusal.kind == .denied ? .policy : nil), "\(error)")
      #expect(error.object == refusal.name)
      for words in refusal.words { #expect("\(error)".contains(words), "\(error)") }
    }
  }

  @Test func `a renewal gives again what was given`() throws {
    let old = EntryEnds(
      expiresAt: Self.now - 1, ttl: .hours(5), leaseUntil: Self.now - 1, leasePeriod: .minutes(1))
    let again = try Self.policy.renewing(old, Self.request("ci-1"), now: Self.now)
    #expect(
      again.ends
        == EntryEnds(
          expiresAt: Self.now + 5 * Self.hour, ttl: .hours(5),
          leaseUntil: Self.now + 60 * Self.second, leasePeriod: .minutes(1)))
    #expect(again.notes == [])
    let other = try Self.policy.renewing(
      old,
      Self.request("ci-1") {
        $0.ttl = .hours(1)
        $0.lease = .hours(2)
      }, now: Self.now)
    #expect(
      other.ends
        == EntryEnds(
          expiresAt: Self.now + Self.hour, ttl: .hours(1), leaseUntil: Self.now + 2 * Self.hour,
          leasePeriod: .hours(2)))
  }

  @Test func `a renewal goes by the policy of its own time`() throws {
    let long = EntryEnds(expiresAt: Self.now, ttl: .days(30))
    let shortened = try Self.policy.renewing(long, Self.request("ci-1"), now: Self.now)
    #expect(shortened.ends == EntryEnds(expiresAt: Self.now + 72 * Self.hour, ttl: .days(3)))
    #expect(shortened.notes == ["it lives for 3d, not for 30d as before, by rules[0] (name ci-*)"])
    let error = try #require(throws: StoreError.self) {
      try Self.policy.renewing(long, Self.request("ci-1") { $0.ttl = .days(4) }, now: Self.now)
    }
    #expect(error.kind == .denied)
    let endless = try #require(throws: StoreError.self) {
      try Self.policy.renewing(EntryEnds(), Self.request("main", role: .ci), now: Self.now)
    }
    #expect(endless.kind == .denied && endless.reason == .policy)
  }

  @Test func `an end given as a moment stays while it is to come, and then wants a new one`() throws
  {
    let later = Self.now + Self.hour
    let leased = try Self.policy.renewing(
      EntryEnds(expiresAt: later, leaseUntil: Self.now, leasePeriod: .hours(1)),
      Self.request("main"), now: Self.now)
    #expect(
      leased.ends == EntryEnds(expiresAt: later, leaseUntil: later, leasePeriod: .hours(1)))
    let kept = try Self.policy.renewing(
      EntryEnds(expiresAt: later), Self.request("main"), now: Self.now)
    #expect(kept.ends == EntryEnds(expiresAt: later))
    let past = try #require(throws: StoreError.self) {
      try Self.policy.renewing(
        EntryEnds(expiresAt: Self.now, leaseUntil: Self.now, leasePeriod: .hours(1)),
        Self.request("main"), now: Self.now)
    }
    #expect(past.kind == .invalid && past.object == "main")
    #expect("\(past)".contains("say for how long"))
    let ruled = try Self.policy.renewing(
      EntryEnds(expiresAt: Self.now), Self.request("ci-1"), now: Self.now)
    #expect(ruled.ends == EntryEnds(expiresAt: Self.now + 2 * Self.hour, ttl: .hours(2)))
    let endless = try Self.policy.renewing(EntryEnds(), Self.request("main"), now: Self.now)
    #expect(endless.ends == EntryEnds())
  }

  @Test func `protecting goes as far as the rule`() throws {
    let ci = PolicySubject(name: "ci-1", role: .developer)
    #expect(try Self.policy.protecting(ci, nil, now: Self.now) == Self.now + 24 * Self.hour)
    #expect(
      try Self.policy.protecting(ci, .span(.hours(1)), now: Self.now) == Self.now + Self.hour)
    let main = PolicySubject(name: "main")
    #expect(try Self.policy.protecting(main, .forEver, now: Self.now) == .max)
    let error = try #require(throws: StoreError.self) {
      try Self.policy.protecting(main, nil, now: Self.now)
    }
    #expect(error.kind == .invalid)
    #expect("\(error)".contains("say for how long"))
    #expect(throws: StoreError.self) { try Self.policy.protecting(ci, .forEver, now: Self.now) }
  }
}
