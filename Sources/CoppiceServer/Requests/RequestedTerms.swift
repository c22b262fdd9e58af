package import Coppice
internal import CoppiceLifecycle
internal import CoppicePlatform

/// What a request says of ends, owners and labels: a part of several requests, with keys of its
/// own.
package struct RequestedTerms: Codable, Hashable, Sendable {
  /// How long from now on; not with `expiresAt`.
  package var ttlSeconds: UInt64?
  package var expiresAt: Timestamp?
  /// How often it is to be renewed.
  package var leaseSeconds: UInt64?
  package var owner: String?
  /// Each `KEY=VALUE`.
  package var labels: [String]?
  /// Bytes that it may add.
  package var maxStoredByteCount: UInt64?

  package init(
    ttlSeconds: UInt64? = nil, expiresAt: Timestamp? = nil, leaseSeconds: UInt64? = nil,
    owner: String? = nil, labels: [String]? = nil, maxStoredByteCount: UInt64? = nil
  ) {
    self.ttlSeconds = ttlSeconds
    self.expiresAt = expiresAt
    self.leaseSeconds = leaseSeconds
    self.owner = owner
    self.labels = labels
    self.maxStoredByteCount = maxStoredByteCount
  }

  /// How long from now on, however the end was given; `nil` without one.
  func ttlSeconds(at now: Int64) -> UInt64? {
    if let ttlSeconds { return ttlSeconds }
    return expiresAt.map { time in
      let (span, isBeyond) = time.nanoseconds.subtractingReportingOverflow(now)
      // Rounded up: a rule that allows so many seconds allows no part of another one.
      return isBeyond ? 0 : (UInt64(max(0, span)) + 999_999_999) / 1_000_000_000
    }
  }

  /// Whose it is, by default who asks, and what is said of it; the ends are for a policy to say.
  /// Throws `invalid` for
  /// labels without `=`, and for keys that come twice.
  func terms(of object: String, askedBy principal: Principal) throws(StoreError) -> EntryTerms {
    EntryTerms(
      owner: owner ?? principal.knownName,
      labels: try LabelText.labels(labels ?? [], of: object))
  }

  /// What a branch that exists keeps although something else was asked for, and what changes it;
  /// one sentence each.
  func notes(ofKeptBy entry: EntryInfo) -> [String] {
    var notes: [String] = []
    if let owner, entry.owner.map({ !$0.hasBytes(of: owner) }) ?? true {
      notes.append(
        (entry.owner.map { "it stays \($0)'s" } ?? "it stays without an owner")
          + ": `coppice branch owner \(entry.name) \(owner)` gives it away")
    }
    let other = (labels ?? []).filter { text in
      !entry.labels.contains { text.hasBytes(of: "\($0.key)=\($0.value)") }
    }
    if !other.isEmpty {
      let words = other.joined(separator: " ")
      notes.append("its labels stay: `coppice branch label \(entry.name) \(words)` adds to them")
    }
    if let maxStoredByteCount, maxStoredByteCount != entry.maxStoredByteCount {
      let limit = entry.maxStoredByteCount.map { "its limit stays \($0) bytes" }
      notes.append(
        (limit ?? "it stays without a limit")
          + ": `coppice branch limit \(entry.name) \(maxStoredByteCount)` sets it")
    }
    return notes
  }

  /// Likewise for its end, where nothing was renewed.
  func notes(ofEndKeptBy entry: EntryInfo) -> [String] {
    guard ttlSeconds != nil || expiresAt != nil || leaseSeconds != nil else { return [] }
    return [
      "its end stays as it is: `coppice branch renew \(entry.name)` with --ttl, --expires or "
        + "--lease changes it"
    ]
  }
}

/// Labels as requests write them: `KEY=VALUE`.
enum LabelText {
  static func labels(_ texts: [String], of object: String) throws(StoreError) -> Labels {
    var labels: Labels = [:]
    for text in texts {
      let parts = text.split(byte: UInt8(ascii: "="), keepsEmpty: true, maxCount: 2)
      guard parts.count == 2 else {
        throw StoreError(
          .invalid, "not a label: '\(text)'", object: object, remedy: "write KEY=VALUE")
      }
      guard labels[parts[0]] == nil else {
        throw StoreError(
          .invalid, "two labels have the key '\(parts[0])'", object: object,
          remedy: "give each key once")
      }
      try Labels.validate(key: parts[0], value: parts[1], of: object)
      labels[parts[0]] = parts[1]
    }
    return labels
  }
}
