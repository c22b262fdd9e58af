internal import CoppiceFormat
internal import CoppicePlatform

/// When a branch or snapshot ends by itself, whose it is, and what is said of it. Given when it is
/// made; each can be changed later.
///
/// Nothing ends by being told so: whoever keeps the store looks at the ends and acts, as the server
/// does.
public struct EntryTerms: Hashable, Sendable {
  /// When something ends.
  public enum End: Hashable, Sendable {
    /// So long from now on, and as long again from each renewal.
    case after(Duration)
    case at(Timestamp)
  }

  /// `nil`: never by itself.
  public var end: End?
  /// How often it is to be renewed: it expires as well once it was not for so long. `nil`: need
  /// not.
  public var leasePeriod: Duration?
  /// 1 to 255 bytes; `nil`: nobody's.
  public var owner: String?
  /// At most 32, with keys of 1 to 63 bytes without `=`, and values of at most 255.
  public var labels: Labels
  /// What a branch and its snapshots may add (`Store.setLimit`); `nil`: as much as fits. Not for a
  /// snapshot, which adds nothing.
  public var maxStoredByteCount: UInt64?

  public init(
    end: End? = nil, leasePeriod: Duration? = nil, owner: String? = nil,
    labels: Labels = [:], maxStoredByteCount: UInt64? = nil
  ) {
    self.end = end
    self.leasePeriod = leasePeriod
    self.owner = owner
    self.labels = labels
    self.maxStoredByteCount = maxStoredByteCount
  }

  /// As annotations. Throws `invalid` for what breaks the rules above, and for ends that are not in
  /// the future or past the year 2262.
  func changes(of object: String, at now: Int64) throws(StoreError) -> [FieldChange] {
    var changes: [FieldChange] = []
    if let end {
      changes.append(FieldChange(.expiry, try EntryTerms.value(of: end, object, at: now)))
    }
    if let leasePeriod {
      changes.append(
        FieldChange(.lease, try EntryTerms.value(ofLease: leasePeriod, object, at: now)))
    }
    if let owner {
      changes.append(FieldChange(.owner, try Labels.value(ofText: owner, "an owner", object)))
    }
    if !labels.isEmpty { changes.append(FieldChange(.labels, try labels.value(object))) }
    if let maxStoredByteCount {
      guard maxStoredByteCount > 0 else {
        throw StoreError(
          .invalid, "a limit of nothing lets nothing be written", object: object,
          remedy: "name a byte or more, or leave it out")
      }
      changes.append(FieldChange(.limit, EntryField.value(ofByteCount: maxStoredByteCount)))
    }
    return changes
  }

  static func value(
    of end: End, _ object: String, at now: Int64
  ) throws(StoreError) -> [UInt8] {
    let time = try end.time(from: now, of: object)
    switch end {
    case .after: return EntryField.value(ofTime: time, every: time - now)
    case .at: return EntryField.value(ofTime: time, every: 0)
    }
  }

  static func value(
    ofLease period: Duration, _ object: String, at now: Int64
  ) throws(StoreError) -> [UInt8] {
    let span = try nanoseconds(period, "the period of a lease", object)
    return EntryField.value(ofTime: try time(now, plus: span, object), every: span)
  }

  static func time(
    _ now: Int64, plus span: Int64, _ object: String
  ) throws(StoreError) -> Int64 {
    let (time, isBeyond) = now.addingReportingOverflow(span)
    guard !isBeyond, time < .max else { throw tooFar(object) }
    return time
  }

  fileprivate static func nanoseconds(
    _ duration: Duration, _ what: String, _ object: String
  ) throws(StoreError) -> Int64 {
    let (seconds, attoseconds) = duration.components
    let nanoseconds = StoredTime.nanoseconds(
      seconds: seconds, nanoseconds: attoseconds / 1_000_000_000)
    guard nanoseconds > 0 else {
      throw StoreError(
        .invalid, "\(what) is longer than nothing", object: object,
        remedy: "name one like 3 days, or leave it out")
    }
    guard nanoseconds < .max else { throw tooFar(object) }
    return nanoseconds
  }

  fileprivate static func tooFar(_ object: String) -> StoreError {
    StoreError(
      .invalid, "an end past the year 2262, where the store's times end", object: object,
      remedy: "name an earlier one, or none: it then stays until it is deleted")
  }
}

extension EntryTerms.End {
  /// When it is, in nanoseconds since 1970. Throws `invalid` for a time that is not to come, and
  /// past the year 2262.
  func time(from now: Int64, of object: String) throws(StoreError) -> Int64 {
    switch self {
    case .after(let lifetime):
      let span = try EntryTerms.nanoseconds(lifetime, "a lifetime", object)
      return try EntryTerms.time(now, plus: span, object)
    case .at(let time):
      guard time.nanoseconds > now else {
        throw StoreError(
          .invalid, "an end at \(time) is past: it is \(Timestamp(nanoseconds: now))",
          object: object, remedy: "name a time to come")
      }
      guard time.nanoseconds < .max else { throw EntryTerms.tooFar(object) }
      return time.nanoseconds
    }
  }
}
