/// What a creation or a renewal asks for: when the entry ends, and what it may add.
package struct EndsRequest: Hashable, Sendable {
  package var subject: PolicySubject
  /// How long it lives from now on; not with `expiresAt`.
  package var ttl: TimeSpan?
  /// When it ends, in nanoseconds since 1970.
  package var expiresAt: Int64?
  /// The promise to renew it within each such time.
  package var lease: TimeSpan?
  package var protection: Protection?
  package var limit: ByteCount?

  package init(_ subject: PolicySubject) { self.subject = subject }

  /// For how long nothing may delete an entry.
  package enum Protection: Hashable, Sendable {
    case span(TimeSpan)
    /// Nanoseconds since 1970.
    case until(Int64)
    case forEver
  }
}

/// When an entry ends, as it is recorded in it.
package struct EntryEnds: Hashable, Sendable {
  /// Nanoseconds since 1970; `nil`: never.
  package var expiresAt: Int64?
  /// How long it was given, which a renewal gives again; `nil` where a moment was given.
  package var ttl: TimeSpan?
  /// Without a renewal it ends then; `nil`: without a lease.
  package var leaseUntil: Int64?
  package var leasePeriod: TimeSpan?

  package init(
    expiresAt: Int64? = nil, ttl: TimeSpan? = nil, leaseUntil: Int64? = nil,
    leasePeriod: TimeSpan? = nil
  ) {
    self.expiresAt = expiresAt
    self.ttl = ttl
    self.leaseUntil = leaseUntil
    self.leasePeriod = leasePeriod
  }
}

/// What a policy gives to a request.
package struct EndsGrant: Hashable, Sendable {
  package var ends: EntryEnds
  /// Nanoseconds since 1970; `Int64.max`: for ever; `nil`: not protected by this request.
  package var protectedUntil: Int64?
  package var limit: ByteCount?
  /// What was given that was not asked for, in words.
  package var notes: [String]

  package init(
    ends: EntryEnds, protectedUntil: Int64? = nil, limit: ByteCount? = nil, notes: [String] = []
  ) {
    self.ends = ends
    self.protectedUntil = protectedUntil
    self.limit = limit
    self.notes = notes
  }
}
