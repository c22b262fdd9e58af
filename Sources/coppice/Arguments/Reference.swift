internal import ArgumentParser
internal import Coppice

/// `REF` or `REF:PATH`: an entry of the store and a place in its tree. Names hold no colon, so the
/// first one ends the name.
struct Reference: ExpressibleByArgument {
  /// `branch` or `branch@snapshot`.
  var name: String
  /// What follows the colon; `nil` without one.
  var path: String?

  /// As the user wrote it.
  var text: String { path.map { "\(name):\($0)" } ?? name }

  init(argument: String) {
    let parts = argument.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    name = String(parts[0])
    path = parts.count > 1 ? String(parts[1]) : nil
  }

  /// The place in the tree; its top when no path is given.
  func branchPath() throws(StoreError) -> BranchPath { try BranchPath(path ?? "") }

  /// The place, which must be given.
  func requiredPath() throws(StoreError) -> BranchPath {
    let place = try branchPath()
    guard place.lastComponent != nil else {
      throw StoreError(
        .invalid, "no file is named", object: name, remedy: "write it as \(name):PATH")
    }
    return place
  }
}
