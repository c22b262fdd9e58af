internal import CoppiceEngine

/// Something that is not as it was written.
public struct Finding: Hashable, Sendable, Codable {
  /// Content of a branch or snapshot that cannot be read, or not be trusted.
  public struct Affected: Hashable, Sendable, Codable {
    /// The branch or snapshot.
    public var branch: String
    /// As a `BranchPath` describes itself; `nil` when the names cannot be read, or when more than
    /// one file is concerned.
    public var path: String?
    /// Ascending; empty: all pages.
    public var pages: [PageRange]
  }

  /// The structure: "superblock copy 1", "segments/0000000001 bundle at offset 64", "frame 1/17",
  /// "names of main".
  public var object: String
  /// What is wrong with it, in one sentence.
  public var message: String
  /// What it costs; empty when no content depends on it.
  public var affected: [Affected] = []
  /// Whether nothing refers to what is damaged: a full collection takes it away.
  public var isUnused = false

  init(object: String, message: String) {
    self.object = object
    self.message = message
  }

  init(_ finding: CoppiceEngine.Finding, _ paths: FilePaths) {
    self.init(object: finding.object, message: finding.message)
    isUnused = finding.isUnused
    affected = finding.affected.map { range in
      let isOne = range.volumes.count == 1
      return Affected(
        branch: range.name,
        path: isOne ? paths.path(of: range.volumes.lowerBound, in: range.name) : nil,
        pages: range.pages.map(PageRange.init))
    }
  }
}

/// Pages of a file that follow one another.
public struct PageRange: Hashable, Sendable, Codable {
  /// The first one's number, from 0.
  public var firstPage: UInt64
  /// How many there are, the first one included.
  public var pageCount: UInt64

  /// The pages with these numbers.
  public init(_ pages: Range<UInt64>) {
    firstPage = pages.lowerBound
    pageCount = pages.upperBound - pages.lowerBound
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
