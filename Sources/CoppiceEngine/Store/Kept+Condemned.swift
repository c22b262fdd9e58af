internal import CoppiceFormat

extension Kept {
  /// Of the condemned entries that are not to be gone for good, those that a collection has looked
  /// at.
  var examined: [BranchEntry] {
    let waiting = Set(unexamined.map(\.entry.id))
    return catalogue.condemned.values.filter { entry in
      !entry.flags.contains(.forGood) && !waiting.contains(entry.id)
    }
  }
}
