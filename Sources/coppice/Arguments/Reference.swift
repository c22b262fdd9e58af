internal import ArgumentParser

/// `REF` or `REF:PATH`: an entry of the store and a place in its tree. Names hold no colon, so the
/// first one ends the name.
struct Reference: ExpressibleByArgument {
  /// `branch` or `branch@snapshot`.
  var name: String
  /// What follows the colon; `nil` without one.
  var path: String?

  init(argument: String) {
    let parts = argument.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    name = String(parts[0])
    path = parts.count > 1 ? String(parts[1]) : nil
  }
}
