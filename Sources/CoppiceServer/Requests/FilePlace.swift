package import Coppice

/// A place in the tree of a branch or snapshot.
package struct FilePlace: Codable, Hashable, Sendable {
  /// `branch` or `branch@snapshot`.
  package var entry: String
  /// What follows the colon in `REF:PATH`, as `ByteText` has it; `nil` without one.
  package var path: String?

  package init(_ entry: String, _ path: String?) {
    self.entry = entry
    self.path = path
  }

  /// The place; the top of the tree when no path is given.
  package func branchPath() throws(StoreError) -> BranchPath { try BranchPath(escaped: path ?? "") }

  /// The place, which must be given.
  package func requiredPath() throws(StoreError) -> BranchPath {
    let place = try branchPath()
    guard place.lastComponent != nil else {
      throw StoreError(
        .invalid, "no file is named", object: entry, remedy: "write it as \(entry):PATH")
    }
    return place
  }
}
