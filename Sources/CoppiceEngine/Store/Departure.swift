internal import CoppiceFormat

/// An entry that is condemned and no root any more, until a collection has found out which frames
/// died with it.
struct ForgottenEntry {
  var entry: BranchEntry
  /// The root, and frames that its layers referred to.
  var refs: [Ref]
  /// What it alone had in memory and in the journal.
  var unsealed = UnsealedPages()
  /// As much of it as there was when the entry was condemned.
  var unsealedPageCount: UInt64 = 0
  /// Entries that have layers of it.
  var heirs: [BranchID] = []
  /// False when frames that its layers referred to are not known any more, after a crash.
  var hasAllRefs = true
  /// With others that are to be gone at once: it is examined by every collection until they are.
  var departure: Departure?

  var condemnation: Condemnation {
    Condemnation(
      branch: entry.id, pageCount: unsealedPageCount,
      hasRefs: refs.dropFirst().contains { !$0.isHole })
  }
}

/// Entries that were deleted to be gone at once, and how far that is. Guarded by `collecting`, but
/// for `isActive` and `borrowers`, which the keeper's lock guards.
final class Departure: @unchecked Sendable {
  let branches: Set<BranchID>
  /// Whether somebody waits for its end, so that young collections look at all segments for it.
  var isActive: Bool
  /// Readers and imports that keep frames which are no entry's any more, as the last collection
  /// found: the deletion is not through before one begins without them.
  var borrowers: Set<Borrower> = []
  /// Stored bytes of pages and nodes that only they kept, by the segment that still holds them, as
  /// the last collection found them.
  var deadByteCounts: [SegmentID: Int] = [:]
  /// Of what only they kept besides, what readers hold, and imports.
  var readByteCount: UInt64 = 0
  var importedByteCount: UInt64 = 0
  /// Pages that only they showed, and that pages of others build on, and their bytes.
  var basePageCount: UInt64 = 0
  var baseByteCount: UInt64 = 0
  var freedByteCount = 0
  /// Pages, and stored bytes of pages and nodes, that only they kept, each once; as the first
  /// collection found them that looked.
  var unique: (pageCount: UInt64, byteCount: UInt64)?
  /// What only they had in memory and in the journal.
  var unsealed = UnsealedPages()
  /// Of the last collection that looked for its frames; `nil` until that one is through.
  var report: CollectionReport?

  /// Whether nothing of its frames is left. The caller holds both locks.
  var isThrough: Bool { report != nil && borrowers.isEmpty }

  init(of branches: Set<BranchID>, isActive: Bool) {
    self.branches = branches
    self.isActive = isActive
  }

  /// The segments are gone.
  func noteReclaimed(_ segments: [SegmentID]) {
    for id in segments { freedByteCount += deadByteCounts.removeValue(forKey: id) ?? 0 }
  }
}
