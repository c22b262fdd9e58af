package import Coppice

package struct DiffRequest: StoreRequest {
  package static let route = Route(
    .get, "/v1/diff", "Tell how two branches or snapshots differ.")

  package var old: String
  package var new: String
  /// List the ranges of pages that changed.
  package var pages: Bool

  package init(old: String, new: String, pages: Bool) {
    self.old = old
    self.new = new
    self.pages = pages
  }

  package var isReadOnly: Bool { true }

  package var access: Access { Access(.compare, .entry(old), .entry(new)) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let diff = try context.store.diff(old, new)
    return Answer(
      old: old, new: new, addedCount: diff.addedCount, removedCount: diff.removedCount,
      changedCount: diff.changedCount, changedByteCount: diff.changedByteCount,
      items: diff.items.map { Item($0, withPages: pages) })
  }

  package struct Answer: Codable, Sendable {
    package var old: String
    package var new: String
    package var addedCount: Int
    package var removedCount: Int
    package var changedCount: Int
    package var changedByteCount: UInt64
    package var items: [Item]
  }

  package struct Item: Codable, Sendable {
    /// `added`, `removed`, `changed` or `renamed`.
    package var change: String
    package var path: String
    /// Of a renamed file.
    package var from: String?
    package var kind: String
    package var oldByteCount: UInt64
    package var newByteCount: UInt64
    package var changedPageCount: UInt64
    package var changedByteCount: UInt64
    package var attributesChanged: Bool
    /// Only when they were asked for.
    package var pages: [PageRange]?

    init(_ item: Diff.Item, withPages: Bool) {
      switch item.change {
      case .added: change = "added"
      case .removed: change = "removed"
      case .changed: change = "changed"
      case .renamed(let from):
        change = "renamed"
        self.from = from.description
      }
      path = item.path.description
      kind = item.kind.text
      oldByteCount = item.oldByteCount
      newByteCount = item.newByteCount
      changedPageCount = UInt64(item.changedPageCount)
      changedByteCount = item.changedByteCount
      attributesChanged = item.attributesChanged
      if withPages {
        pages = item.pages.map(PageRange.init)
      }
    }
  }
}
