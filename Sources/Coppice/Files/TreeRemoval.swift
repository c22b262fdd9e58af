internal import CoppiceFormat

/// Removes all that is below a directory, in as many transactions as it takes, with a stack of its
/// own.
///
/// Each transaction looks at the names as they are then. What was made meanwhile goes too; what was
/// moved out meanwhile stays.
struct TreeRemoval {
  /// Names that one transaction removes, so that other writers wait for no longer than a few
  /// milliseconds, and the journal's limit for a transaction is far.
  private static let pieceCountMax = 1024

  /// Files with many attributes change many pages: then fewer names go at once.
  private static let changedByteCountMax = 16 << 20

  private static let batchCount = 16

  private struct Level {
    let name: FileName
    let directory: FileID
  }

  /// The directory that is emptied; it stays itself.
  let top: FileID
  /// Directories on the way from the top to the one that is emptied now.
  private var levels: [Level] = []
  /// Names removed so far.
  private(set) var count = 0
  /// Of the names when the last transaction began.
  private var version: UInt64?

  init(below directory: FileID) { top = directory }

  /// Removes so many names as one transaction should; returns whether the top is empty.
  mutating func removeSome(in transaction: FileTransaction) throws(StoreError) -> Bool {
    try run(in: transaction, Self.pieceCountMax, changedByteCountMax: Self.changedByteCountMax)
  }

  /// Removes all, in one transaction.
  mutating func removeAll(in transaction: FileTransaction) throws(StoreError) {
    _ = try run(in: transaction, .max, changedByteCountMax: .max)
  }

  private mutating func run(
    in transaction: FileTransaction, _ countMax: Int, changedByteCountMax: Int
  ) throws(StoreError) -> Bool {
    try checkWay(transaction)
    var rest = countMax
    while rest > 0 {
      if rest < countMax, transaction.names.changedByteCount > changedByteCountMax { break }
      let directory = levels.last?.directory ?? top
      let entries = try transaction.names.entries(
        of: directory, after: nil, limit: min(rest, Self.batchCount))
      if entries.isEmpty {
        guard let done = levels.popLast() else { return true }
        try transaction.removeDirectory(done.name, in: levels.last?.directory ?? top)
        (rest, count) = (rest - 1, count + 1)
      }
      for entry in entries {
        if entry.kind == .directory {
          levels.append(Level(name: entry.name, directory: entry.file))
          break
        }
        try transaction.remove(entry.name, in: directory)
        (rest, count) = (rest - 1, count + 1)
      }
    }
    return false
  }

  /// Forgets the part of the way that is no more. Unless somebody else changed names since the last
  /// transaction, all of it is.
  private mutating func checkWay(_ transaction: FileTransaction) throws(StoreError) {
    let now = transaction.core.cache.version
    // The last transaction's own commit counts two.
    let isUnchanged = version.map { now == $0 + 2 } ?? levels.isEmpty
    version = now
    if isUnchanged { return }
    var directory = top
    for (index, level) in levels.enumerated() {
      guard try transaction.names.entry(level.name, in: directory)?.file == level.directory else {
        levels.removeSubrange(index...)
        return
      }
      directory = level.directory
    }
  }
}

extension TreeCore {
  /// Removes a name and, if it is a directory, all below it; returns how many names.
  ///
  /// The name is gone in one atomic change, and a small tree with it. Of a larger one the rest
  /// becomes an orphan, which is then removed piece by piece: by this call, or if it does not come
  /// to its end, when the tree is next opened for writing.
  @discardableResult
  func removeTree(
    _ name: FileName, in directory: FileID, isCancelled: (() -> Bool)? = nil
  ) throws(StoreError) -> Int {
    var (removal, isDone) = try update { transaction throws(StoreError) in
      try transaction.beginRemovingTree(name, in: directory)
    }
    if !isDone { try finishRemoving(&removal, isCancelled) }
    return removal.count + 1
  }

  /// Removes an orphaned directory with all below it.
  func finishRemoving(
    _ removal: inout TreeRemoval, _ isCancelled: (() -> Bool)? = nil
  ) throws(StoreError) {
    var rest = removal
    var isDone = false
    while !isDone {
      if isCancelled?() ?? false { throw .cancelledRemoval }
      isDone = try update { transaction throws(StoreError) in
        guard try rest.removeSome(in: transaction) else { return false }
        try transaction.destroyAbandoned(rest.top)
        return true
      }
    }
    removal = rest
  }

  /// Removes files that had lost their last name while open when the store was left, and what is
  /// left of trees that were being removed.
  package func removeOrphans() throws(StoreError) {
    let (files, directories) = try read { names throws(StoreError) in
      var files: [FileID] = []
      var directories: [FileID] = []
      for orphan in try names.orphans() {
        let isDirectory = try names.inode(of: orphan).kind == FileKind.directory.rawValue
        if isDirectory { directories.append(orphan) } else { files.append(orphan) }
      }
      return (files, directories)
    }
    for directory in directories {
      var removal = TreeRemoval(below: directory)
      try finishRemoving(&removal)
    }
    for start in stride(from: 0, to: files.count, by: 256) {
      let some = files[start..<min(start + 256, files.count)]
      try update { transaction throws(StoreError) in
        for file in some { try transaction.destroyAbandoned(file) }
      }
    }
  }
}

extension StoreError {
  static var cancelledRemoval: StoreError {
    StoreError(
      .unavailable, "the removal was called off",
      remedy: "the name is gone, and the rest of what was in it goes when the store is next opened")
  }
}
