/// What differs between two branches or snapshots, file by file.
///
/// Content is compared page by page without reading pages that both share; names and attributes by
/// what volume 0 records of them. Times alone are no difference.
public struct Diff: Hashable, Sendable, Codable {
  /// What happened to a path.
  public enum Change: Hashable, Sendable {
    /// The path exists in the new state only.
    case added
    /// The path exists in the old state only.
    case removed
    /// Content or attributes differ.
    case changed
    /// The file was elsewhere; what else differs is in the item too.
    case renamed(from: BranchPath)
  }

  /// One path that differs.
  public struct Item: Hashable, Sendable {
    /// What happened to it.
    public var change: Change
    /// In the new state; of a removed file in the old one.
    public var path: BranchPath
    /// The file that `path` leads to.
    public var file: FileID
    /// What that file is.
    public var kind: FileKind
    /// 0 where there is no such file.
    public var oldByteCount: UInt64
    /// 0 where there is no such file.
    public var newByteCount: UInt64
    /// Pages whose content differs; all of a file that is added or removed, but holes.
    public var changedPageCount: Int
    /// Bytes in these pages, as far as they lie before the end of the file.
    public var changedByteCount: UInt64
    /// Whether permissions, owner, group, flags, device, a link's target or extended attributes
    /// differ.
    public var attributesChanged: Bool
    /// Which pages differ, ascending; `nil` unless they were asked for.
    public var pages: [PageRange]?
  }

  /// The branch or snapshot that has the old state.
  public var old: String
  /// The one that has the new state.
  public var new: String
  /// Paths in the new state only.
  public var addedCount: Int
  /// Paths in the old state only.
  public var removedCount: Int
  /// Changed and renamed files.
  public var changedCount: Int
  /// The sum over all items.
  public var changedPageCount: Int
  /// The sum over all items.
  public var changedByteCount: UInt64
  /// Sorted by path.
  public var items: [Item]

  /// Whether the two states are the same but for times.
  public var isEmpty: Bool { items.isEmpty }

  init(old: String, new: String, items: [Item]) {
    self.old = old
    self.new = new
    self.items = items
    addedCount = items.count { $0.change == .added }
    removedCount = items.count { $0.change == .removed }
    changedCount = items.count - addedCount - removedCount
    changedPageCount = items.reduce(0) { $0 + $1.changedPageCount }
    changedByteCount = items.reduce(0) { $0 + $1.changedByteCount }
  }
}
