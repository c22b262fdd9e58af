internal import Coppice

/// A branch or snapshot as answers have it.
package struct EntryAnswer: Codable, Sendable {
  package var name: String
  package var isSnapshot: Bool
  package var isDeleted: Bool
  package var created: String
  package var deleted: String?
  /// What it was made from; a note only, that entry may be gone.
  package var parent: String?

  init(_ entry: EntryInfo) {
    name = entry.name
    isSnapshot = entry.isSnapshot
    isDeleted = entry.isDeleted
    created = RFC3339.text(entry.created)
    deleted = entry.deleted.map(RFC3339.text)
    parent = entry.parent
  }
}

/// The entries that something was, or would be, done to.
package struct EntriesAnswer: Codable, Sendable {
  package var entries: [String]
  package var isDryRun: Bool
}

/// Pages of a file that follow one another.
package struct PageRangeAnswer: Codable, Sendable {
  package var firstPage: UInt64
  package var pageCount: UInt64
}
