package import Coppice

package struct DiffRequest: StoreRequest {
  package typealias Answer = Diff

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
    try context.store.diff(old, new, listingPages: pages)
  }
}
