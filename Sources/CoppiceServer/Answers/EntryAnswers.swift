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
  /// The trust domain's name, or its number where it has none.
  package var domain: String
  /// What data the domain holds.
  package var `class`: String

  init(_ entry: EntryInfo) {
    name = entry.name
    isSnapshot = entry.isSnapshot
    isDeleted = entry.isDeleted
    created = RFC3339.text(entry.created)
    deleted = entry.deleted.map(RFC3339.text)
    parent = entry.parent
    domain = entry.domain.description
    `class` = entry.domain.dataClass.rawValue
  }
}

/// The entries that something was, or would be, done to.
package struct EntriesAnswer: Codable, Sendable {
  package var entries: [String]
  package var isDryRun: Bool
}
