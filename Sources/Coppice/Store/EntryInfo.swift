internal import CoppiceFormat

/// A branch or snapshot as a list shows it.
public struct EntryInfo: Hashable, Sendable {
  /// As it is now.
  public var name: String
  /// Never reused; survives renaming.
  public var id: UInt64
  /// Whether it is a snapshot; else a branch.
  public var isSnapshot: Bool
  /// Hidden, but not forgotten yet: `Store.restore` brings it back.
  public var isDeleted: Bool
  /// The trust domain; what data the entry holds is its class.
  public var domain: Domain
  /// When it was made.
  public var createdAt: Timestamp
  /// When it was deleted; `nil` unless it is.
  public var deletedAt: Timestamp?
  /// What it was made from, by its name of today; `nil` when that is gone or there was nothing.
  /// A note only: any entry can be deleted, whatever was made from it.
  public var parent: String?
  /// Files of it that are open in this process.
  public var openFileCount: Int

  init(_ entry: BranchEntry, domain: Domain, parent: String?, openFileCount: Int) {
    name = entry.name
    id = entry.id.rawValue
    isSnapshot = entry.flags.contains(.readOnly)
    isDeleted = entry.flags.contains(.deleted)
    self.domain = domain
    createdAt = Timestamp(nanoseconds: entry.createdAt)
    deletedAt = isDeleted ? Timestamp(nanoseconds: entry.deletedAt) : nil
    self.parent = parent
    self.openFileCount = openFileCount
  }
}

/// With the domain as three keys: `domain`, which is what it is called, `domainNumber` and `class`.
extension EntryInfo: Codable {
  private enum CodingKeys: String, CodingKey {
    case name, id, isSnapshot, isDeleted, createdAt, deletedAt, parent, domain, domainNumber
    case `class`, openFileCount
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    name = try fields.decode(String.self, forKey: .name)
    id = try fields.decode(UInt64.self, forKey: .id)
    isSnapshot = try fields.decode(Bool.self, forKey: .isSnapshot)
    isDeleted = try fields.decode(Bool.self, forKey: .isDeleted)
    createdAt = try fields.decode(Timestamp.self, forKey: .createdAt)
    deletedAt = try fields.decodeIfPresent(Timestamp.self, forKey: .deletedAt)
    parent = try fields.decodeIfPresent(String.self, forKey: .parent)
    domain = Domain(
      called: try fields.decode(String.self, forKey: .domain),
      number: try fields.decode(UInt32.self, forKey: .domainNumber),
      dataClass: try fields.decode(DataClass.self, forKey: .class))
    openFileCount = try fields.decode(Int.self, forKey: .openFileCount)
  }

  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(name, forKey: .name)
    try fields.encode(id, forKey: .id)
    try fields.encode(isSnapshot, forKey: .isSnapshot)
    try fields.encode(isDeleted, forKey: .isDeleted)
    try fields.encode(createdAt, forKey: .createdAt)
    try fields.encodeIfPresent(deletedAt, forKey: .deletedAt)
    try fields.encodeIfPresent(parent, forKey: .parent)
    try fields.encode(domain.description, forKey: .domain)
    try fields.encode(domain.number, forKey: .domainNumber)
    try fields.encode(domain.dataClass, forKey: .class)
    try fields.encode(openFileCount, forKey: .openFileCount)
  }
}
