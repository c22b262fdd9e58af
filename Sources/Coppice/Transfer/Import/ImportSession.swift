internal import CoppiceEngine
internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// One import while it runs: hidden volumes, the names over them, and the threads that fill them.
///
/// Names are changed by the thread that walks the source only; contents are put by the queue's
/// threads, leaf by leaf. Nothing is seen in the store before `publish`.
final class ImportSession: Sendable {
  /// Names changed in one transaction at most.
  static let batchCount = 256

  let staging: StagingImport
  let tree: TreeCore
  let queue: TransferQueue
  let counter: TransferCounter
  let options: ImportOptions
  /// Wall time in nanoseconds.
  let startTime: Int64
  /// Files whose new content is complete, and what is to be noted of its source, if anything.
  private let finished = Mutex<[(file: FileID, stamp: ImportStampRecord?)]>([])

  init(
    staging: StagingImport, tree: TreeCore, options: ImportOptions, expectedByteCount: UInt64?
  ) throws(StoreError) {
    self.staging = staging
    self.tree = tree
    self.options = options
    startTime = SystemClock().wallNanoseconds()
    counter = TransferCounter(
      expected: expectedByteCount, tell: options.progress, isCancelled: options.isCancelled)
    let threadCount = TransferQueue.threadCount(options.threadCount)
    queue = try TransferQueue(
      threadCount: threadCount, waitingCountMax: 4 * threadCount,
      bufferByteCount: staging.leafByteCount)
  }

  /// Waits for all contents, then writes the stamps that are still due.
  func finishContents() throws(StoreError) {
    try queue.finish()
    try writeStamps(countMin: 1)
  }

  // MARK: Names

  func lookupIfPresent(
    _ name: FileName, in directory: FileID
  ) throws(StoreError) -> DirectoryEntry? {
    try tree.read { names throws(StoreError) in try names.entry(name, in: directory) }
  }

  func readDirectory(
    _ directory: FileID, after name: FileName?, limit: Int
  ) throws(StoreError) -> [DirectoryEntry] {
    try tree.read { names throws(StoreError) in
      try names.entries(of: directory, after: name, limit: limit)
    }
  }

  private func importStamp(of file: FileID) throws(StoreError) -> ImportStampRecord? {
    try tree.read { names throws(StoreError) in try names.inode(of: file).importStamp }
  }

  // MARK: Stamps

  /// The volume of a file whose content comes.
  ///
  /// - Parameters:
  ///   - isNew: whether the import made the file. One that was there has changed if it gets other
  ///     content, though with the same modification time.
  ///   - completion: runs once the content is complete.
  func volume(
    of file: FileID, isNew: Bool, modified: Int64,
    completion: @escaping @Sendable () throws(StoreError) -> Void = {}
  ) throws(StoreError) -> ImportedVolume {
    guard !isNew else {
      return ImportedVolume(file, modified: modified, staging: staging, completion: completion)
    }
    let old = try staging.contentID(of: file.volume)
    return ImportedVolume(file, modified: modified, staging: staging) {
      [self] () throws(StoreError) in
      let new = try staging.contentID(of: file.volume)
      if new == nil || new != old { finished.withLock { $0.append((file, nil)) } }
      try completion()
    }
  }

  /// Notes that a file's content is complete. No stamp is kept for a source that changed so lately
  /// that it may change again within the same tick of its file system's clock.
  func noteFinished(_ file: FileID, _ status: HostStatus) throws(StoreError) {
    guard status.changed < startTime - 2_000_000_000,
      let content = try staging.contentID(of: file.volume)
    else { return }
    let stamp = Self.stamp(status, content)
    finished.withLock { $0.append((file, stamp)) }
  }

  /// Writes the stamps that wait, if there are that many.
  func writeStamps(countMin: Int = batchCount) throws(StoreError) {
    let stamps = finished.withLock { waiting -> [(file: FileID, stamp: ImportStampRecord?)] in
      guard waiting.count >= countMin else { return [] }
      defer { waiting = [] }
      return waiting
    }
    var rest = stamps[...]
    while !rest.isEmpty {
      let batch = rest.prefix(Self.batchCount)
      rest = rest.dropFirst(batch.count)
      try tree.update { transaction throws(StoreError) in
        for (file, stamp) in batch {
          if let stamp {
            try transaction.setImportStamp(stamp, of: file)
          } else {
            try transaction.noteNewContent(of: file)
          }
        }
      }
    }
  }

  /// Whether the file was imported from just this source state and did not change since.
  func isUnchanged(_ file: FileID, _ status: HostStatus) throws(StoreError) -> Bool {
    guard !options.checksum, let stamp = try importStamp(of: file) else { return false }
    guard let content = try staging.contentID(of: file.volume) else { return false }
    return stamp == Self.stamp(status, content)
  }

  private static func stamp(_ status: HostStatus, _ content: PageHash) -> ImportStampRecord {
    ImportStampRecord(
      byteCount: status.byteCount, modified: status.modified, changed: status.changed,
      device: status.device, inode: status.inode, content: content)
  }

  /// Completes an empty file without a volume of its own; returns whether the file is one.
  func finishEmpty(
    _ file: FileID, byteCount: UInt64, modified: Timestamp
  ) throws(StoreError) -> Bool {
    guard byteCount == 0, try staging.attributes(of: file.volume) == nil else { return false }
    try tree.update { transaction throws(StoreError) in
      guard try transaction.attributes(of: file).modified != modified else { return }
      try transaction.setAttributes(of: file, AttributeChanges(modified: modified))
    }
    return true
  }

  // MARK: Removal

  /// Removes a name and, if it is a directory, all below it.
  func remove(_ entry: DirectoryEntry, in directory: FileID) throws(StoreError) -> Int {
    try tree.removeTree(entry.name, in: directory)
  }

  /// The directory at a path; those that are missing are made.
  func directory(_ path: BranchPath) throws(StoreError) -> FileID {
    try tree.update { transaction throws(StoreError) in
      var place = FileID.root
      for name in path.components {
        if let entry = try transaction.lookupIfPresent(name, in: place) {
          guard entry.kind == .directory else {
            throw StoreError(
              .invalid, "'\(name)' is not a directory", object: path.description,
              reason: .notDirectory)
          }
          place = entry.file
        } else {
          place = try transaction.createDirectory(name, in: place, NewFile(permissions: 0o755))
            .file
        }
      }
      return place
    }
  }
}

extension TransferQueue {
  /// What the user asked for, or one thread a core.
  static func threadCount(_ wanted: Int) -> Int { wanted > 0 ? wanted : SystemThread.coreCount }
}
