internal import CoppiceEngine

extension Store {
  /// What differs between two branches or snapshots as they are now, related or not. Takes time in
  /// proportion to what differs. Throws `notFound`.
  /// - Parameter listingPages: whether the items name the pages that differ, or only count them.
  public func diff(
    _ old: String, _ new: String, listingPages: Bool = false
  ) throws(StoreError) -> Diff {
    let items = try DiffBuilder.items(
      from: engineBranch(old).pinnedView(), to: engineBranch(new).pinnedView(),
      listingPages: listingPages)
    return Diff(old: old, new: new, items: items)
  }
}
