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

  /// Runs `body`, which works at the place. What it throws about names is about the place, as the
  /// user wrote it: layers below know a path without its branch, a name without its path, or a
  /// number.
  func naming<Result>(_ body: () throws(StoreError) -> Result) throws(StoreError) -> Result {
    do throws(StoreError) {
      return try body()
    } catch {
      var error = error
      switch (error.kind, error.reason) {
      case (.notFound, _), (_, .notDirectory), (_, .isDirectory), (_, .linkLoop), (_, .nameTooLong):
        error.object = path.map { "\(entry):\($0)" } ?? entry
      default: break
      }
      throw error
    }
  }
}
