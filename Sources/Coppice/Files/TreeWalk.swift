/// Goes through all that is below a directory, depth first and in the order of names, with a stack
/// of its own: trees may be deeper than any thread's stack.
///
/// Each directory is read in batches; a tree that changes meanwhile is seen in several states.
struct TreeWalk {
  enum Step {
    /// A name of the directory that the walk is in. `descend` goes into it, if it is one.
    case entry(DirectoryEntry)
    /// All names of the directory that the walk was in have been told: it is in the one above
    /// again.
    case end
  }

  private static let batchCount = 256

  private struct Level {
    let directory: FileID
    var entries: ArraySlice<DirectoryEntry> = []
    /// Where the next batch begins.
    var last: FileName?
    var isRead = false
  }

  private let core: TreeCore
  private var levels: [Level]

  init(_ core: TreeCore, below directory: FileID) {
    self.core = core
    levels = [Level(directory: directory)]
  }

  /// The directory that the walk is in.
  var directory: FileID? { levels.last?.directory }

  /// `nil` once the directory that the walk began at has come to its end.
  mutating func next() throws(StoreError) -> Step? {
    guard let top = levels.indices.last else { return nil }
    if levels[top].entries.isEmpty, !levels[top].isRead { try read(top) }
    guard let entry = levels[top].entries.popFirst() else {
      levels.removeLast()
      return levels.isEmpty ? nil : .end
    }
    return .entry(entry)
  }

  /// Goes into a directory that has just been told.
  mutating func descend(_ directory: FileID) { levels.append(Level(directory: directory)) }

  private mutating func read(_ index: Int) throws(StoreError) {
    let (directory, last) = (levels[index].directory, levels[index].last)
    let entries = try core.read { names throws(StoreError) in
      _ = try names.directoryInode(of: directory)
      return try names.entries(of: directory, after: last, limit: Self.batchCount)
    }
    levels[index].entries = entries[...]
    levels[index].last = entries.last?.name
    levels[index].isRead = entries.count < Self.batchCount
  }
}
