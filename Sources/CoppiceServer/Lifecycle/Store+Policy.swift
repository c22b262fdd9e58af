internal import Coppice
internal import CoppiceLifecycle
internal import CoppicePlatform

/// The store's policy, and what it gives to requests.
extension Store {
  static let policyKey = "policy"

  /// The policy of the store: what somebody set, or what holds where nobody did. Throws what the
  /// document is `invalid` for, so that nothing is granted by half of a policy.
  func policyDocument() throws(StoreError) -> PolicyDocument {
    guard let bytes = try setting(Self.policyKey) else { return .standard }
    do throws(StoreError) { return try PolicyDocument(bytes) } catch {
      throw StoreError(
        .corrupt, "the store's policy cannot be read: \(error.object): \(error.message)",
        object: "policy", remedy: "set another one with `coppice policy set`")
    }
  }

  /// The ends of a new entry, by what was asked for and by the policy.
  ///
  /// - Parameter domain: of the entry; its class is what rules look at.
  func granted(
    _ asked: RequestedTerms, to name: String, in domain: Domain, for principal: Principal
  ) throws(StoreError) -> GrantedTerms {
    var terms = try asked.terms(of: name, askedBy: principal)
    var request = EndsRequest(
      PolicySubject(
        name: name, labels: terms.labels, dataClass: domain.dataClass.rawValue,
        role: principal.role))
    try request.take(asked, of: name)
    request.limit = asked.maxStoredByteCount.map(ByteCount.init)
    let grant = try policyDocument().policy.granting(
      request, now: clock.wallNanoseconds())
    terms.end = grant.ends.end
    terms.leasePeriod = grant.ends.leasePeriod?.duration
    terms.maxStoredByteCount = grant.limit?.value
    return GrantedTerms(terms: terms, notes: grant.notes)
  }

  /// How each of these is renewed.
  func renewals(
    _ names: [String], _ asked: RequestedTerms, for principal: Principal
  ) throws(StoreError) -> [Renewal] {
    let policy = try policyDocument().policy
    let now = clock.wallNanoseconds()
    var renewals: [Renewal] = []
    for name in names {
      let entry = try entry(name)
      var request = EndsRequest(PolicySubject(entry, principal))
      try request.take(asked, of: name)
      let ends = try policy.renewing(EntryEnds(entry), request, now: now).ends
      renewals.append(
        Renewal(name: name, end: ends.end, leasePeriod: ends.leasePeriod?.duration))
    }
    return renewals
  }

  /// When a deleted entry ends that is restored, with a lifetime or the one that it had; `nil`
  /// without one.
  func restoredEnd(
    of name: String, as newName: String, _ ttlSeconds: UInt64?, for principal: Principal
  ) throws(StoreError) -> EntryTerms.End? {
    let known = restorable(name)
    let policy = try policyDocument().policy
    var request = EndsRequest(
      PolicySubject(
        name: newName, labels: known?.labels ?? [:],
        dataClass: (known?.domain.dataClass ?? .raw).rawValue, role: principal.role))
    if let ttlSeconds {
      request.ttl = try TimeSpan(of: ttlSeconds, newName)
      return try policy.granting(request, now: clock.wallNanoseconds()).ends.end
    }
    guard let known, known.lifetime != nil else { return nil }
    return try policy.renewing(EntryEnds(known), request, now: clock.wallNanoseconds()).ends.end
  }

  /// Until when these are protected: `nil` for ever.
  func protection(
    of names: [String], _ asked: EndsRequest.Protection, for principal: Principal
  ) throws(StoreError) -> EntryTerms.End? {
    let policy = try policyDocument().policy
    let now = clock.wallNanoseconds()
    var until = Int64.max
    for name in names {
      let subject = PolicySubject(try entry(name), principal)
      until = min(until, try policy.protecting(subject, asked, now: now))
    }
    return until == .max ? nil : .at(Timestamp(nanoseconds: until))
  }

  /// What a deletion of these notes in them: until when they can surely be restored, where a rule
  /// says so; of several the latest.
  func keeping(
    _ names: [String], for principal: Principal
  ) throws(StoreError) -> [AnnotationChange] {
    let policy = try policyDocument().policy
    let now = clock.wallNanoseconds()
    var until: Int64?
    for name in names {
      guard
        let window = policy.rule(for: PolicySubject(try entry(name), principal))?.rule
          .restoreWindow
      else { continue }
      until = max(until ?? .min, window.after(now) ?? .max)
    }
    return until.map { [.keeping(until: Timestamp(nanoseconds: $0))] } ?? []
  }
}

/// What a policy gave to a request that makes something.
struct GrantedTerms {
  var terms: EntryTerms
  /// What was given that was not asked for; a sentence each.
  var notes: [String]
}

extension PolicySubject {
  init(_ entry: EntryInfo, _ principal: Principal) {
    self.init(
      name: entry.name, labels: entry.labels, dataClass: entry.domain.dataClass.rawValue,
      role: principal.role)
  }
}

extension EndsRequest {
  /// Throws `invalid` for spans that no time is so far away as.
  mutating func take(_ asked: RequestedTerms, of name: String) throws(StoreError) {
    ttl = try asked.ttlSeconds.map { seconds throws(StoreError) in
      try TimeSpan(of: seconds, name)
    }
    lease = try asked.leaseSeconds.map { seconds throws(StoreError) in
      try TimeSpan(of: seconds, name)
    }
    expiresAt = asked.expiresAt?.nanoseconds
  }
}

extension TimeSpan {
  init(of seconds: UInt64, _ name: String) throws(StoreError) {
    guard seconds < 1 << 32 else {
      throw StoreError(
        .invalid, "\(seconds) s are past the year 2262, where the store's times end",
        object: name, remedy: "name less, or nothing: it then stays until it is deleted")
    }
    self.init(seconds: seconds)
  }
}

extension EntryEnds {
  init(_ entry: EntryInfo) {
    self.init(
      expiresAt: entry.expiresAt?.nanoseconds,
      ttl: entry.lifetime.map { TimeSpan(seconds: UInt64($0.components.seconds)) },
      leaseUntil: entry.leaseUntil?.nanoseconds,
      leasePeriod: entry.leasePeriod.map { TimeSpan(seconds: UInt64($0.components.seconds)) })
  }

  var end: EntryTerms.End? {
    if let ttl { return .after(ttl.duration) }
    return expiresAt.map { .at(Timestamp(nanoseconds: $0)) }
  }
}
