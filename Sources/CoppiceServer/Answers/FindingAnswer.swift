internal import Coppice
internal import CoppiceEngine

/// Damage, and the files it concerns, as answers have it.
package struct FindingAnswer: Codable, Sendable {
  package struct Affected: Codable, Sendable {
    package var branch: String
    /// `nil` when the names cannot be read, or when more than one file is concerned.
    package var path: String?
    /// Ranges of pages; empty: all of them.
    package var pages: [PageRangeAnswer]
  }

  package var object: String
  package var message: String
  package var affected: [Affected] = []
  /// Whether nothing refers to what is damaged: a full collection takes it away.
  package var isUnused = false

  init(object: String, message: String) {
    self.object = object
    self.message = message
  }

  init(_ finding: Finding, _ paths: FilePaths) {
    object = finding.object
    message = finding.message
    isUnused = finding.isUnused
    affected = finding.affected.map { range in
      let isOne = range.volumes.count == 1
      return Affected(
        branch: range.name,
        path: isOne ? paths.path(of: range.volumes.lowerBound, in: range.name) : nil,
        pages: range.pages.map {
          PageRangeAnswer(firstPage: $0.lowerBound, pageCount: UInt64($0.count))
        })
    }
  }
}

/// Paths of files, as far as the store can still tell them.
struct FilePaths {
  private let store: Store?

  init(_ store: Store?) { self.store = store }

  func path(of volume: UInt64, in entry: String) -> String? {
    // A tree that cannot be read has findings of its own.
    guard let path = try? store?.tree(entry).path(of: FileID(rawValue: volume)) else { return nil }
    return path.description
  }
}
