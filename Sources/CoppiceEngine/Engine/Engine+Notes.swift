internal import CoppiceFormat
internal import CoppicePlatform

extension Engine {
  /// Appends a note for each entry, about its root or about `root`, which is to take its place.
  func appendNotes(_ entries: [BranchEntry], root: Ref? = nil) throws(StoreError) {
    for entry in entries.sorted(by: { $0.id < $1.id }) {
      try LayerSeal.append(
        NoteFrame(
          branch: entry.id, name: entry.name, lsn: entry.noteLSN, root: root ?? entry.root,
          time: clock.wallNanoseconds()),
        sealContext(entry.domain))
    }
  }
}

extension BranchEntry {
  /// For a note about the entry's root: above all that the root has, and not above the end of any
  /// layer that is still to be sealed, whose note has to count more.
  fileprivate var noteLSN: LSN { (intervals.first?.from ?? .zero).next }
}
