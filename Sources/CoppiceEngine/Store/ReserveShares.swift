/// What a part of the reserve is used for. Whoever comes later here leaves their parts to those
/// before.
enum ReserveUse {
  /// A new catalogue.
  case checkpoint
  /// A journal file for removals.
  case journal
  /// Copies of what is live in a victim of a collection.
  case copies
  /// Seals of what is unsealed.
  case seal
}

/// How large the reserve is, and why a full disk can always be emptied with it.
///
/// Room comes back in this order: a removal is recorded, its branch is sealed, a checkpoint frees
/// the journal, a collection finds the removed frames dead and copies what is live beside them.
///
/// - *Journal.* A removal of a name writes the changed ranges of at most four leaves of names, of
///   what is above them where they merge, and a header: rarely 1 KiB, and 4 KiB more in a batch of
///   its own. A file of 1 MiB takes half of itself in such batches, at least a hundred, and
///   thousands of removals that are flushed together; the last prepared file is theirs alone as
///   long as the reserve is not whole. When it is full, a seal and a checkpoint empty it, and it is
///   used again. One transaction that removes much gets a larger file, as far as the parts below
///   can lend it: they have it back after the seal that follows.
/// - *Seal.* All layers of a branch are sealed as one, so pages that a later removal drops or hides
///   take nothing. What is left takes at most a page, a directory entry and a node of its own for
///   each. Writers are held to that: unsealed pages are never more than what the disk's free bytes
///   and this part can take so. Removals go beyond it by the pages of names they change, which are
///   stored as differences of about 100 bytes. When somebody else fills the disk after the last
///   look, the oldest layers that fit go first, and journal files that they leave, which hold at
///   least the bytes that new pages took, make room for the next.
/// - *Copies.* What is live in a victim is no more than a segment, and segments of a store are no
///   larger than `SegmentLimits.segmentByteCount(storedByteCount:)`. A host adds a sixteenth for
///   directories, and an eighth of what is free is not counted on: five fourths are enough. The
///   victim that goes then gives back what its copies took and its dead part besides, so every step
///   leaves more than it found.
/// - *Checkpoint.* A catalogue beside the two that are kept, and hints. Then the oldest goes.
///
/// A checkpoint may use all, a journal file leaves the checkpoint's part, copies leave these two, a
/// seal leaves all three: each finds what the steps before it could not use up.
struct ReserveShares {
  private(set) var checkpoint: UInt64 = 0
  private(set) var journal: UInt64 = 0
  private(set) var copies: UInt64 = 0
  private(set) var seal: UInt64 = 0

  /// Before anything is known of the store.
  init() {}

  init(storedByteCount: UInt64, catalogueByteCount: Int) {
    checkpoint = 128 << 10 + 2 * UInt64(catalogueByteCount)
    journal = JournalLimits.firstFileByteCount + 64 << 10
    // What a small store has is all that there is to copy.
    let segment = min(
      SegmentLimits.segmentByteCount(storedByteCount: storedByteCount),
      storedByteCount + 512 << 10)
    copies = segment / 4 * 5 + 64 << 10
    seal = segment / 2
  }

  var byteCount: UInt64 { checkpoint + journal + copies + seal }

  /// What a use leaves to others.
  func left(by use: ReserveUse) -> UInt64 {
    switch use {
    case .checkpoint: 0
    case .journal: checkpoint
    case .copies: checkpoint + journal
    case .seal: checkpoint + journal + copies
    }
  }
}
