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
  public var created: Timestamp
  /// When it was deleted; `nil` unless it is.
  public var deleted: Timestamp?
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
    created = Timestamp(nanoseconds: entry.createdAt)
    deleted = isDeleted ? Timestamp(nanoseconds: entry.deletedAt) : nil
    self.parent = parent
    self.openFileCount = openFileCount
  }
}
