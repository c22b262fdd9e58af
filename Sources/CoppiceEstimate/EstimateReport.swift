internal import CoppiceEngine

/// What an estimate says.
package struct EstimateReport: Hashable, Sendable, Codable {
  /// An input: regular files and their bytes, holes included. A file with several names counts
  /// once.
  package struct Input: Hashable, Sendable, Codable {
    package var path: String
    package var fileCount = 0
    package var byteCount: UInt64 = 0
  }

  /// What the engine stores, by how it stores it.
  package struct Stored: Hashable, Sendable, Codable {
    /// All of it.
    package var storedByteCount: UInt64 = 0
    package var fullPageCount = 0
    package var fullByteCount = 0
    /// Pages stored as differences to older ones.
    package var deltaPageCount = 0
    package var deltaByteCount = 0
    /// Pages that are stored already, somewhere else.
    package var sharedPageCount = 0
    /// What leads to pages.
    package var nodeByteCount = 0
    /// Names and attributes.
    package var nameByteCount = 0
    /// What tells of a segment's pages and nodes where they lie.
    package var directoryByteCount: UInt64 = 0

    package init() {}

    mutating func add(_ counts: SealCounts) {
      fullPageCount += counts.fullCount
      fullByteCount += counts.fullByteCount
      deltaPageCount += counts.deltaCount
      deltaByteCount += counts.deltaByteCount
      sharedPageCount += counts.duplicateCount
      nodeByteCount += counts.nodeByteCount
    }

    mutating func close(names: SealCounts, storedByteCount: UInt64) {
      nameByteCount = Int(names.storedByteCount)
      self.storedByteCount = storedByteCount
      let parts = UInt64(fullByteCount + deltaByteCount + nodeByteCount + nameByteCount)
      directoryByteCount = storedByteCount - min(storedByteCount, parts)
    }
  }

  /// Files of one kind.
  package struct Kind: Hashable, Sendable, Codable {
    package var kind: ContentKind
    /// Of the second input.
    package var fileCount = 0
    package var byteCount: UInt64 = 0
    /// Files whose bytes changed or that are new, and files that are gone.
    package var changedFileCount = 0
    package var removedFileCount = 0
    /// Pages of 8 KiB that changed or are new, and their bytes.
    package var changedPageCount: UInt64 = 0
    package var changedByteCount: UInt64 = 0
    /// Pages and nodes that a branch would store of them.
    package var storedByteCount: UInt64 = 0
  }

  /// What another way of keeping the second input beside the first would store, by arithmetic.
  package struct Peer: Hashable, Sendable, Codable {
    package var name: String
    /// What it stores anew when any byte in it changes; null: the whole file, or all.
    package var unitByteCount: Int?
    package var byteCount: UInt64
  }

  /// Something that the data show, and what can be done about it.
  package struct Advice: Hashable, Sendable, Codable {
    package var topic: AdviceTopic
    package var text: String
  }

  package var before: Input
  package var after: Input
  /// What the first input stores, once.
  package var baseline = Stored()
  /// What the second one adds, as a branch of it.
  package var branch = Stored()
  /// Those that there are files of.
  package var kinds: [Kind] = []
  package var peers: [Peer] = []
  package var advice: [Advice] = []
  /// What is not in the numbers, one sentence each.
  package var notes: [String] = []
}

/// What advice is about.
package enum AdviceTopic: String, Hashable, Sendable, Codable, CaseIterable {
  case recycledWAL, fullPageImages, settings, checksums
}
