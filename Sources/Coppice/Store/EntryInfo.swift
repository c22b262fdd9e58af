internal import CoppiceEngine
internal import CoppiceFormat

/// A branch or snapshot as a list shows it.
public struct EntryInfo: Hashable, Sendable {
  /// As it is now.
  public var name: String
  /// Never reused; survives renaming.
  public var id: UInt64
  /// Whether it is a snapshot; else a branch.
  public var isSnapshot: Bool
  public var state: EntryState
  /// The trust domain; what data the entry holds is its class.
  public var domain: Domain
  /// When it was made.
  public var createdAt: Timestamp
  /// When it was deleted; `nil` unless it is.
  public var deletedAt: Timestamp?
  /// Until when it can be restored, lack of space aside; `nil` where nobody set that: the store's
  /// own window counts then.
  public var keepUntil: Timestamp?
  /// Since when it is stopped and hidden; `nil` unless it has expired.
  public var expiredAt: Timestamp?
  /// When it ends; `nil` without an end.
  public var expiresAt: Timestamp?
  /// How long an end is from when it was given; `nil` for one at a time, or none. No key in JSON.
  public var lifetime: Duration?
  /// When it ends unless it is renewed; `nil` without a lease.
  public var leaseUntil: Timestamp?
  /// How often it is to be renewed; `nil` without a lease. No key in JSON.
  public var leasePeriod: Duration?
  /// Until when nothing may delete it or replace its content; 2262 for ever, `nil` without
  /// protection.
  public var protectedUntil: Timestamp?
  /// Why, as somebody said it; `nil` where nobody did.
  public var protectionReason: String?
  /// Whether branches of its baseline may be made of it.
  public var isApproved: Bool
  /// Whose it is; `nil`: nobody's.
  public var owner: String?
  public var labels: Labels
  /// What it was made from, by its name of today; `nil` when that is gone or there was nothing.
  /// A note only: any entry can be deleted, whatever was made from it.
  public var parent: String?
  /// How many bytes it may add; `nil` without a limit.
  public var maxStoredByteCount: UInt64?
  /// What a branch added, as last known; `nil` when nothing is, and for snapshots. See
  /// `AddedSpace`.
  public var addedByteCount: UInt64?
  /// When that was last measured.
  public var measuredAt: Timestamp?
  /// Files of it that are open in this process.
  public var openFileCount: Int

  init(
    _ entry: BranchEntry, domain: Domain, parent: String?, added: AddedBytes?, openFileCount: Int
  ) {
    name = entry.name
    id = entry.id.rawValue
    isSnapshot = entry.flags.contains(.readOnly)
    let fields = entry.annotations
    state = entry.state
    self.domain = domain
    createdAt = Timestamp(nanoseconds: entry.createdAt)
    deletedAt = state == .deleted ? Timestamp(nanoseconds: entry.deletedAt) : nil
    keepUntil = state == .deleted ? fields.keepUntil.map { Timestamp(nanoseconds: $0) } : nil
    expiredAt = state == .expired ? fields.expiredSince.map { Timestamp(nanoseconds: $0) } : nil
    protectedUntil = fields.protectedUntil.map { Timestamp(nanoseconds: $0) }
    protectionReason = fields.protectionReason
    let expiry = fields[.expiry].flatMap(EntryField.timeAndSpan)
    expiresAt = expiry.map { Timestamp(nanoseconds: $0.time) }
    lifetime = expiry.flatMap { $0.span > 0 ? .nanoseconds($0.span) : nil }
    let lease = fields[.lease].flatMap(EntryField.timeAndSpan)
    leaseUntil = lease.map { Timestamp(nanoseconds: $0.time) }
    leasePeriod = lease.map { .nanoseconds($0.span) }
    isApproved = fields[.approval] != nil
    owner = fields[.owner].flatMap(EntryField.text)
    labels = entry.labels
    self.parent = parent
    maxStoredByteCount = entry.annotations.limitByteCount
    addedByteCount = added?.byteCount
    measuredAt = added.map { Timestamp(nanoseconds: $0.measuredAt) }
    self.openFileCount = openFileCount
  }

  /// How near a branch is to its limit by what it added as last known; `nil` when that is not near,
  /// and without a limit.
  public var growthLevel: GrowthWarning.Level? {
    guard let maxStoredByteCount, let addedByteCount else { return nil }
    return GrowthWarning.Level(GrowthLimit(maxStoredByteCount).state(ofAdded: addedByteCount))
  }
}

extension EntryInfo {
  /// When it ends unless somebody renews it; `nil`: never by itself.
  public var nextEnd: Timestamp? { [expiresAt, leaseUntil].compactMap(\.self).min() }
}

/// With the domain as three keys: `domain`, which is what it is called, `domainNumber` and `class`.
extension EntryInfo: Codable {
  private enum CodingKeys: String, CodingKey {
    case name, id, isSnapshot, state, createdAt, deletedAt, parent, domain, domainNumber
    case keepUntil, expiredAt, expiresAt, leaseUntil, protectedUntil, protectionReason
    case isApproved, owner, labels
    case `class`, maxStoredByteCount, addedByteCount, measuredAt, openFileCount
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    name = try fields.decode(String.self, forKey: .name)
    id = try fields.decode(UInt64.self, forKey: .id)
    isSnapshot = try fields.decode(Bool.self, forKey: .isSnapshot)
    state = try fields.decode(EntryState.self, forKey: .state)
    keepUntil = try fields.decodeIfPresent(Timestamp.self, forKey: .keepUntil)
    expiredAt = try fields.decodeIfPresent(Timestamp.self, forKey: .expiredAt)
    expiresAt = try fields.decodeIfPresent(Timestamp.self, forKey: .expiresAt)
    leaseUntil = try fields.decodeIfPresent(Timestamp.self, forKey: .leaseUntil)
    protectedUntil = try fields.decodeIfPresent(Timestamp.self, forKey: .protectedUntil)
    protectionReason = try fields.decodeIfPresent(String.self, forKey: .protectionReason)
    isApproved = try fields.decode(Bool.self, forKey: .isApproved)
    owner = try fields.decodeIfPresent(String.self, forKey: .owner)
    labels = try fields.decode(Labels.self, forKey: .labels)
    createdAt = try fields.decode(Timestamp.self, forKey: .createdAt)
    deletedAt = try fields.decodeIfPresent(Timestamp.self, forKey: .deletedAt)
    parent = try fields.decodeIfPresent(String.self, forKey: .parent)
    domain = Domain(
      called: try fields.decode(String.self, forKey: .domain),
      number: try fields.decode(UInt32.self, forKey: .domainNumber),
      dataClass: try fields.decode(DataClass.self, forKey: .class))
    maxStoredByteCount = try fields.decodeIfPresent(UInt64.self, forKey: .maxStoredByteCount)
    addedByteCount = try fields.decodeIfPresent(UInt64.self, forKey: .addedByteCount)
    measuredAt = try fields.decodeIfPresent(Timestamp.self, forKey: .measuredAt)
    openFileCount = try fields.decode(Int.self, forKey: .openFileCount)
  }

  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(name, forKey: .name)
    try fields.encode(id, forKey: .id)
    try fields.encode(isSnapshot, forKey: .isSnapshot)
    try fields.encode(state, forKey: .state)
    try fields.encodeIfPresent(keepUntil, forKey: .keepUntil)
    try fields.encodeIfPresent(expiredAt, forKey: .expiredAt)
    try fields.encodeIfPresent(expiresAt, forKey: .expiresAt)
    try fields.encodeIfPresent(leaseUntil, forKey: .leaseUntil)
    try fields.encodeIfPresent(protectedUntil, forKey: .protectedUntil)
    try fields.encodeIfPresent(protectionReason, forKey: .protectionReason)
    try fields.encode(isApproved, forKey: .isApproved)
    try fields.encodeIfPresent(owner, forKey: .owner)
    try fields.encode(labels, forKey: .labels)
    try fields.encode(createdAt, forKey: .createdAt)
    try fields.encodeIfPresent(deletedAt, forKey: .deletedAt)
    try fields.encodeIfPresent(parent, forKey: .parent)
    try fields.encode(domain.description, forKey: .domain)
    try fields.encode(domain.number, forKey: .domainNumber)
    try fields.encode(domain.dataClass, forKey: .class)
    try fields.encodeIfPresent(maxStoredByteCount, forKey: .maxStoredByteCount)
    try fields.encodeIfPresent(addedByteCount, forKey: .addedByteCount)
    try fields.encodeIfPresent(measuredAt, forKey: .measuredAt)
    try fields.encode(openFileCount, forKey: .openFileCount)
  }
}
