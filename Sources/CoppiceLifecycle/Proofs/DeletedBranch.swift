package import Coppice
internal import FoundationEssentials

/// A branch or snapshot as it was when it was deleted, as far as that is known.
package struct DeletedBranch: Hashable, Sendable, Codable {
  package var name: String
  /// Of no other branch of the store.
  package var id: UInt64
  /// What data it held.
  package var `class`: String?
  package var owner: String?
  package var labels: Labels
  package var createdAt: Timestamp?
  /// What it was made from, by its name when it was deleted.
  package var parent: String?
  /// The approved snapshot of a baseline that its content came from.
  package var origin: Origin?

  /// As the annotation of a branch says it.
  package struct Origin: Hashable, Sendable, Codable {
    package var baseline: String
    package var snapshot: String
    /// The snapshot's number.
    package var id: UInt64
    package var rootHash: String
  }

  package init(name: String, id: UInt64) {
    self.name = name
    self.id = id
    labels = [:]
  }

  /// Of one that is still there.
  ///
  /// - Parameter origin: the value of the annotation.
  package init(_ entry: EntryInfo, origin: [UInt8]?) {
    self.init(name: entry.name, id: entry.id)
    `class` = entry.domain.dataClass.rawValue
    owner = entry.owner
    labels = entry.labels
    createdAt = entry.createdAt
    parent = entry.parent
    // One that says something else is told by nobody.
    self.origin = origin.flatMap { try? JSONDecoder().decode(Origin.self, from: Data($0)) }
  }

  /// Of one that ended by itself.
  init(_ ended: EndedBranch) {
    self.init(name: ended.entries[0].name, id: ended.entries[0].id)
    `class` = ended.domain.dataClass.rawValue
    owner = ended.owner
    labels = ended.labels
    createdAt = ended.createdAt
    parent = ended.parent
    origin = ended.origin.flatMap { try? JSONDecoder().decode(Origin.self, from: Data($0)) }
  }

  private enum CodingKeys: String, CodingKey {
    case name, id, `class`, owner, labels, createdAt, parent, origin
  }

  /// What is missing is null.
  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(name, forKey: .name)
    try fields.encode(id, forKey: .id)
    try fields.encode(`class`, forKey: .class)
    try fields.encode(owner, forKey: .owner)
    try fields.encode(labels, forKey: .labels)
    try fields.encode(createdAt, forKey: .createdAt)
    try fields.encode(parent, forKey: .parent)
    try fields.encode(origin, forKey: .origin)
  }
}

/// A snapshot that was deleted with its branch.
package struct DeletedSnapshot: Hashable, Sendable, Codable {
  package var name: String
  package var id: UInt64

  package init(name: String, id: UInt64) {
    self.name = name
    self.id = id
  }
}

/// Bytes that are still there, and what holds them.
package struct HeldBytes: Hashable, Sendable, Codable {
  package var holder: SpaceUsage.Holder
  /// Of a branch or snapshot.
  package var name: String?
  package var byteCount: UInt64

  init(_ part: SpaceUsage.Part) {
    holder = part.holder
    name = part.name
    byteCount = part.byteCount
  }

  private enum CodingKeys: String, CodingKey { case holder, name, byteCount }

  /// What is missing is null.
  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(holder, forKey: .holder)
    try fields.encode(name, forKey: .name)
    try fields.encode(byteCount, forKey: .byteCount)
  }
}

/// Content that is known to have left the store.
package struct ExportedCopy: Hashable, Sendable, Codable {
  package var exportedAt: Timestamp
  /// Who had it made.
  package var by: String
  /// `export`, `dump` or `push`.
  package var kind: String
  package var byteCount: UInt64

  package init(exportedAt: Timestamp, by: String, kind: String, byteCount: UInt64) {
    self.exportedAt = exportedAt
    self.by = by
    self.kind = kind
    self.byteCount = byteCount
  }
}
