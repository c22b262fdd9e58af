internal import CoppiceEngine

extension Store {
  /// What differs between two branches or snapshots as they are now, related or not. Takes time in
  /// proportion to what differs. Throws `notFound`.
  public func diff(_ old: String, _ new: String) throws(StoreError) -> Diff {
    try DiffBuilder.build(
      from: engineBranch(old).pinnedView(), to: engineBranch(new).pinnedView())
  }
}
