package import CoppiceErrors

extension Policy {
  /// What a creation gets. Throws `invalid` for what can be granted to nobody, and `denied` with
  /// the reason `policy`, the rule and what it allows, for what a rule does not give.
  ///
  /// - Parameter now: nanoseconds since 1970.
  package func granting(_ request: EndsRequest, now: Int64) throws(StoreError) -> EndsGrant {
    var granting = Granting(self, request.subject, now: now)
    let asked = try granting.checked(ttl: request.ttl, expiresAt: request.expiresAt)
    var ends = asked ?? granting.standardExpiry()
    try granting.checkEnd(ends)
    ends.setLease(try granting.lease(request.lease ?? granting.rule.leaseDefault), now: now)
    return EndsGrant(
      ends: ends,
      protectedUntil: try request.protection.map { asked throws(StoreError) in
        try granting.protection(asked)
      },
      limit: try granting.limit(request.limit), notes: granting.notes)
  }

  /// What a renewal gives to an entry with these ends. Whatever is not asked for is given again:
  /// the same time to live, the same lease. An end that was given as a moment stays while it is to
  /// come, and then wants a new one. Protection and limit of the request are not looked at.
  ///
  /// Throws as `granting` does.
  package func renewing(
    _ recorded: EntryEnds, _ request: EndsRequest, now: Int64
  ) throws(StoreError) -> EndsGrant {
    var granting = Granting(self, request.subject, now: now)
    let period = try granting.lease(request.lease ?? recorded.leasePeriod)
    var ends = EntryEnds()
    if let asked = try granting.checked(ttl: request.ttl, expiresAt: request.expiresAt) {
      ends = asked
    } else if let ttl = recorded.ttl {
      ends = granting.expiry(again: ttl)
    } else if let expiresAt = recorded.expiresAt {
      let isKept = expiresAt > now
      ends = isKept ? EntryEnds(expiresAt: expiresAt) : granting.standardExpiry()
      guard ends.expiresAt != nil else {
        throw StoreError(
          .invalid, "its end was given as a moment, and nothing says how long it lives now",
          object: request.subject.name, remedy: "say for how long, or until when")
      }
    }
    try granting.checkEnd(ends)
    ends.setLease(period, now: now)
    return EndsGrant(ends: ends, notes: granting.notes)
  }

  /// Until when an entry is protected that somebody asks it for; without a time for as long as the
  /// rule gives. `Int64.max` is for ever. Throws as `granting` does.
  package func protecting(
    _ subject: PolicySubject, _ asked: EndsRequest.Protection?, now: Int64
  ) throws(StoreError) -> Int64 {
    let granting = Granting(self, subject, now: now)
    if let asked { return try granting.protection(asked) }
    guard let span = granting.rule.protectMax, span.seconds > 0 else {
      throw StoreError(
        .invalid, "nothing says for how long it is protected", object: subject.name,
        remedy: "say for how long, until when, or for ever")
    }
    return try granting.protection(.span(span))
  }
}

extension EntryEnds {
  fileprivate mutating func setLease(_ period: TimeSpan?, now: Int64) {
    leasePeriod = period
    leaseUntil = period.flatMap { $0.after(now) }
  }
}

/// One request under the rule that holds for it.
private struct Granting {
  let policy: Policy
  let subject: PolicySubject
  let now: Int64
  let rule: PolicyRule
  /// How messages call the rule.
  let ruleName: String
  var notes: [String] = []

  init(_ policy: Policy, _ subject: PolicySubject, now: Int64) {
    self.policy = policy
    self.subject = subject
    self.now = now
    let found = policy.rule(for: subject)
    rule = found?.rule ?? PolicyRule()
    ruleName = found.map { policy.ruleName($0.index) } ?? "no rule"
  }

  /// The end that was asked for; `nil` where none was.
  func checked(ttl: TimeSpan?, expiresAt: Int64?) throws(StoreError) -> EntryEnds? {
    if ttl != nil, expiresAt != nil {
      throw invalid("a time to live and an end were given", "give one of the two")
    }
    if let ttl {
      guard ttl.seconds > 0 else {
        throw invalid("nothing lives for \(ttl)", "ask for a second or more")
      }
      if let max = rule.ttlMax, ttl > max {
        throw denied("lives for \(max) at most, and \(ttl) was asked for", "ask for \(max) or less")
      }
      return EntryEnds(expiresAt: try moment(ttl), ttl: ttl)
    }
    guard let expiresAt else { return nil }
    guard expiresAt < .max else {
      throw invalid("no moment beyond the year 2262 can be kept", "give an earlier end")
    }
    let shown = CivilTime(nanoseconds: expiresAt)
    guard expiresAt > now else {
      throw invalid(
        "the end \(shown) is in the past: it is \(CivilTime(nanoseconds: now))", "give a later one")
    }
    if let max = rule.ttlMax, let last = max.after(now), expiresAt > last {
      throw denied(
        "lives for \(max) at most, and \(shown) was asked for",
        "ask for \(CivilTime(nanoseconds: last)) or earlier")
    }
    return EntryEnds(expiresAt: expiresAt)
  }

  /// The end of what nothing was asked for.
  mutating func standardExpiry() -> EntryEnds {
    guard let ttl = rule.ttlDefault ?? rule.ttlMax else { return EntryEnds() }
    notes.append("it lives for \(ttl) by \(ruleName)")
    return EntryEnds(expiresAt: ttl.after(now), ttl: ttl)
  }

  /// The end of what is given the same time once more.
  mutating func expiry(again ttl: TimeSpan) -> EntryEnds {
    guard let max = rule.ttlMax, ttl > max else {
      return EntryEnds(expiresAt: ttl.after(now), ttl: ttl)
    }
    notes.append("it lives for \(max), not for \(ttl) as before, by \(ruleName)")
    return EntryEnds(expiresAt: max.after(now), ttl: max)
  }

  /// Whether it may be without an end, where it is.
  func checkEnd(_ ends: EntryEnds) throws(StoreError) {
    guard ends.expiresAt == nil, policy.ttlRequired.contains(subject.role) else { return }
    throw StoreError(
      .denied, "what the role \(subject.role.rawValue) makes must have an end, by ttlRequired",
      object: subject.name, remedy: "ask for a time to live", reason: .policy)
  }

  func lease(_ period: TimeSpan?) throws(StoreError) -> TimeSpan? {
    guard let period else { return nil }
    guard period.seconds > 0 else {
      throw invalid("no lease of \(period) can be renewed", "ask for a second or more")
    }
    _ = try moment(period)
    return period
  }

  func limit(_ asked: ByteCount?) throws(StoreError) -> ByteCount? {
    guard let asked else { return rule.limit }
    guard asked.value > 0 else {
      throw invalid("a limit of nothing lets nothing be written", "ask for a byte or more")
    }
    if let max = rule.limit, asked > max {
      throw denied("adds \(max) at most, and \(asked) was asked for", "ask for \(max) or less")
    }
    return asked
  }

  func protection(_ asked: EndsRequest.Protection) throws(StoreError) -> Int64 {
    let until: Int64
    switch asked {
    case .forEver: until = .max
    case .span(let span):
      guard span.seconds > 0 else {
        throw invalid("nothing is protected for \(span)", "ask for a second or more")
      }
      until = try moment(span)
    case .until(let moment):
      guard moment < .max else {
        throw invalid("no moment beyond the year 2262 can be kept", "protect it for ever")
      }
      guard moment > now else {
        throw invalid(
          "\(CivilTime(nanoseconds: moment)) is in the past: it is \(CivilTime(nanoseconds: now))",
          "give a later moment")
      }
      until = moment
    }
    guard subject.role != .administrator else { return until }
    guard until < .max else {
      throw StoreError(
        .denied, "only administrators protect for ever", object: subject.name,
        remedy: "ask for a length of time", reason: .policy)
    }
    guard let max = rule.protectMax, max.seconds > 0 else {
      throw denied("is not protected by the role \(subject.role.rawValue)", "ask an administrator")
    }
    guard let last = max.after(now), until > last else { return until }
    throw denied(
      "is protected for \(max) at most, and until \(CivilTime(nanoseconds: until)) was asked for",
      "ask for \(max) or less")
  }

  /// That much later than now.
  private func moment(_ span: TimeSpan) throws(StoreError) -> Int64 {
    guard let moment = span.after(now) else {
      throw invalid(
        "\(span) from now on ends beyond the year 2262, which cannot be kept",
        "ask for a shorter time")
    }
    return moment
  }

  private func invalid(_ message: String, _ remedy: Remedy) -> StoreError {
    StoreError(.invalid, message, object: subject.name, remedy: remedy)
  }

  private func denied(_ message: String, _ remedy: Remedy) -> StoreError {
    StoreError(
      .denied, "by \(ruleName) it \(message)", object: subject.name, remedy: remedy,
      reason: .policy)
  }
}
