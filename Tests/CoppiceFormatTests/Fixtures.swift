import Foundation

/// Where the repository's fixtures lie.
enum Fixtures {
  static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures")
  /// One folder for each decoder; its files are inputs of `FormatDecoder.decode`.
  static let structures = root.appending(path: "format-1/structures")
}
