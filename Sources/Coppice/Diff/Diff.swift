/// What differs between two branches or snapshots, file by file.
///
/// Content is compared page by page without reading pages that both share; names and attributes by
/// what volume 0 records of them. Times alone are no difference.
public struct Diff: Hashable, Sendable {
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
    /// Ranges of page numbers whose content differs, ascending. All pages of a file that is added
    /// or removed, but holes.
    public var pages: [Range<UInt64>]
    /// How many pages `pages` names.
    public var changedPageCount: Int
    /// Bytes in these pages, as far as they lie before the end of the file.
    public var changedByteCount: UInt64
    /// Whether permissions, owner, group, flags, device, a link's target or extended attributes
    /// differ.
    public var attributesChanged: Bool
  }

  /// Sorted by path.
  public var items: [Item]

  /// Whether the two states are the same but for times.
  public var isEmpty: Bool { items.isEmpty }
  /// Paths in the new state only.
  public var addedCount: Int { items.count { $0.change == .added } }
  /// Paths in the old state only.
  public var removedCount: Int { items.count { $0.change == .removed } }
  /// Changed and renamed files.
  public var changedCount: Int { items.count - addedCount - removedCount }
  /// The sum over all items.
  public var changedPageCount: Int { items.reduce(0) { $0 + $1.changedPageCount } }
  /// The sum over all items.
  public var changedByteCount: UInt64 { items.reduce(0) { $0 + $1.changedByteCount } }
}
