internal import Coppice
internal import CoppiceEngine
internal import CoppicePlatform

/// Damage, and the files it concerns, as commands answer with it.
struct FindingAnswer: Encodable {
  struct Affected: Encodable {
    var branch: String
    /// Missing when the names cannot be read, or when more than one file is concerned.
    var path: String?
    /// Ranges of pages; empty: all of them.
    var pages: [DiffCommand.PageRange]
  }

  var object: String
  var message: String
  var affected: [Affected] = []

  init(object: String, message: String) {
    self.object = object
    self.message = message
  }

  init(_ finding: Finding, _ paths: FilePaths) {
    object = finding.object
    message = finding.message
    affected = finding.affected.map { range in
      let isOne = range.volumes.count == 1
      return Affected(
        branch: range.name,
        path: isOne ? paths.path(of: range.volumes.lowerBound, in: range.name) : nil,
        pages: range.pages.map {
          DiffCommand.PageRange(firstPage: $0.lowerBound, pageCount: UInt64($0.count))
        })
    }
  }

  /// Several lines.
  var text: String {
    var text = "\(Output.printable(object)): \(Output.printable(message))\n"
    for item in affected {
      let place = item.path.map { "\(item.branch):\($0)" } ?? "\(item.branch), several files"
      let count = item.pages.reduce(0) { $0 + $1.pageCount }
      let extent = item.pages.isEmpty ? "all pages" : "\(count) pages"
      text += "  concerns \(Output.printable(place)), \(extent)\n"
    }
    return text
  }

  /// Runs `body` on a store's directory, which must hold a store.
  static func onDisk<Result>(
    _ directory: String, _ body: (DirectoryDisk) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    try body(try StoreFiles(directory).disk)
  }
}

/// Paths of files, as far as the store can still tell them.
struct FilePaths {
  private let store: Store?

  init(_ directory: String) {
    var options = Store.Options()
    options.isReadOnly = true
    // Without paths a finding still says everything else.
    store = try? Store.open(at: directory, options: options)
  }

  func path(of volume: UInt64, in entry: String) -> String? {
    // A tree that cannot be read has findings of its own.
    guard let path = try? store?.tree(entry).path(of: FileID(rawValue: volume)) else { return nil }
    return path.description
  }
}
