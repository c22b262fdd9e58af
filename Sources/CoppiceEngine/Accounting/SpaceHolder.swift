package import CoppiceFormat

/// What keeps frames from being reclaimed.
package enum SpaceHolder: Hashable, Sendable {
  case branch(name: String)
  case snapshot(name: String)
  /// Can be restored until a collection forgets it.
  case deleted(name: String)
  /// An export, a comparison or another reader that takes long.
  case reader
  /// An import in preparation.
  case imports
  /// Several of these together.
  case several
  /// Nothing but the segment, whose share of dead bytes is too small to empty it.
  case segment(SegmentID)
  /// Files of the journal that may hold records, of an earlier use or of one that counts.
  case journal
  /// Nothing: the next collection reclaims it.
  case nothing
}

extension SpaceHolder {
  init(_ entry: BranchEntry) {
    if entry.flags.contains(.deleted) {
      self = .deleted(name: entry.name)
    } else if entry.flags.contains(.readOnly) {
      self = .snapshot(name: entry.name)
    } else {
      self = .branch(name: entry.name)
    }
  }
}

/// Who holds the bytes of a store's segments. The parts add up to the whole.
package struct SpaceReport: Hashable, Sendable {
  package struct Part: Hashable, Sendable {
    package var holder: SpaceHolder
    /// Stored bytes of pages and nodes that nothing else holds.
    package var byteCount: UInt64
  }

  /// When the report was made, in nanoseconds since 1970.
  package var time: Int64
  /// Of entries, readers and imports: what each alone holds.
  package var exclusive: [Part] = []
  /// What two or more of them hold.
  package var sharedByteCount: UInt64 = 0
  /// Dead bytes, by what keeps them on disk.
  package var dead: [Part] = []
  /// Headers, directories and notes.
  package var metadataByteCount: UInt64 = 0
  /// The published part of all segment files: the sum of all the above.
  package var storedByteCount: UInt64 = 0
  /// Bytes of pages that are in memory and in the journal only: no part of the above.
  package var unsealedByteCount: UInt64 = 0
  /// Of the exclusive and shared bytes: frames that are there only because others build on them.
  package var baseByteCount: UInt64 = 0

  package var exclusiveByteCount: UInt64 { exclusive.reduce(0) { $0 + $1.byteCount } }
  package var deadByteCount: UInt64 { dead.reduce(0) { $0 + $1.byteCount } }
}
