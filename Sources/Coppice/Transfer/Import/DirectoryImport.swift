internal import CoppicePlatform

/// Makes a directory of the target like one of the machine, with all below it: what is new is made,
/// what changed is read, what is gone is removed. The way down is a stack of its own, and holds few
/// descriptors, however deep the tree.
struct DirectoryImport {
  private let session: ImportSession
  private let contents: FileContents
  /// Of file systems from which nothing is taken.
  private let refusedDevices: Set<UInt64>
  private var files = ImportedFiles()
  private(set) var report = ImportReport()
  private var levels: [Level] = []
  /// Extended attributes that are listed, but could not be read.
  private var unreadAttributes = (count: 0, example: "")
  /// Data directories of PostgreSQL without a running server, by the names that lead to them from
  /// the top; looked at again at the end.
  private var dataDirectories: [[[UInt8]]] = []

  /// A directory while what is in it is brought.
  private struct Level {
    let target: FileID
    /// What the directory gets at the end, as making names in it changes its time.
    let node: ImportedNode
    /// Names of the source that are still to be placed.
    var names: ArraySlice<[UInt8]>
    /// The target's names that the source has too, as far as they are not placed yet.
    var existing: [FileName: DirectoryEntry]
    /// Names that are placed, and whose content is still to be brought.
    var placed: ArraySlice<(item: Planned, outcome: ImportedFiles.Outcome)> = []
  }

  private struct Planned {
    var name: FileName
    var sourceName: [UInt8]
    var node: ImportedNode
    var status: HostStatus
    var existing: DirectoryEntry?
  }

  /// - Parameter refusedDevices: of file systems that no directory of the source may be on.
  init(_ session: ImportSession, refusing refusedDevices: Set<UInt64> = []) {
    self.session = session
    self.refusedDevices = refusedDevices
    contents = FileContents(session)
  }

  /// Mirrors all below `source` into the directory `target` and waits for the contents.
  mutating func run(_ source: HostDirectory, into target: FileID) throws(StoreError) {
    var walk = HostDirectoryWalk(source)
    let top = try node(of: [], in: source).node
    try enter(target, top, walk)
    while let top = levels.indices.last {
      if let (item, outcome) = levels[top].placed.popFirst() {
        guard let directory = try bring(item, outcome, walk.current) else { continue }
        try reading(walk.current.path) { () throws(SystemError) in
          try walk.descend(item.sourceName)
        }
        try enter(directory, item.node, walk)
      } else if !levels[top].names.isEmpty {
        try placeSome(in: top, walk.current)
      } else {
        try leave(&walk)
      }
    }
    try finish()
    for names in dataDirectories {
      try RunningPostgreSQL.refuse(
        try reading(source.path) { () throws(SystemError) in try source.openDirectory(at: names) })
    }
  }

  /// Imports one file under a name of `target` and waits for its content.
  mutating func run(
    file: [UInt8], in source: HostDirectory, as name: FileName, into target: FileID
  ) throws(StoreError) {
    let existing = try session.lookupIfPresent(name, in: target)
    let planned = try plan(file, as: name, in: source, existing: existing, target: target)
    for (item, outcome) in try place([planned], in: target) {
      _ = try bring(item, outcome, source)
    }
    try finish()
  }

  private mutating func finish() throws(StoreError) {
    try contents.flush()
    try session.finishContents()
    if unreadAttributes.count > 0 {
      report.notes.append(
        "extended attributes that could not be read were not kept: \(unreadAttributes.count), "
          + "the first \(unreadAttributes.example)")
    }
  }

  // MARK: One directory

  /// Begins with the directory that the walk has come to.
  private mutating func enter(
    _ target: FileID, _ node: ImportedNode, _ walk: HostDirectoryWalk
  ) throws(StoreError) {
    let source = walk.current
    try SourcePlace.refuse(source, onDevices: refusedDevices)
    let names = try reading(source.path) { () throws(SystemError) in try source.names() }
    if DataDirectory.isCandidate(names) {
      try RunningPostgreSQL.refuse(source)
      dataDirectories.append(walk.names)
    }
    let existing = try takeExisting(target, keeping: names)
    levels.append(Level(target: target, node: node, names: names[...], existing: existing))
  }

  /// Ends with a directory, and goes back to the one above.
  private mutating func leave(_ walk: inout HostDirectoryWalk) throws(StoreError) {
    let done = levels.removeLast()
    try session.tree.update { transaction throws(StoreError) in
      try ImportedFiles.update(done.target, to: done.node, transaction)
    }
    guard !levels.isEmpty else { return }
    _ = try reading(walk.current.path) { () throws(SystemError) in try walk.ascend() }
  }

  /// Places the next names of a directory.
  private mutating func placeSome(
    in level: Int, _ source: HostDirectory
  ) throws(StoreError) {
    try session.writeStamps()
    let target = levels[level].target
    let batch = levels[level].names.prefix(ImportSession.batchCount)
    levels[level].names = levels[level].names.dropFirst(batch.count)
    var planned: [Planned] = []
    for sourceName in batch {
      let name = try FileName(bytes: sourceName)
      let old = levels[level].existing.removeValue(forKey: name)
      planned.append(try plan(sourceName, as: name, in: source, existing: old, target: target))
    }
    levels[level].placed = try place(planned, in: target)[...]
  }

  /// The target's names that the source has too; the others are removed.
  private mutating func takeExisting(
    _ target: FileID, keeping names: [[UInt8]]
  ) throws(StoreError) -> [FileName: DirectoryEntry] {
    var kept: [FileName: DirectoryEntry] = [:]
    let wanted = Set(names)
    var last: FileName?
    while true {
      let entries = try session.readDirectory(
        target, after: last, limit: ImportSession.batchCount)
      for entry in entries {
        if wanted.contains(entry.name.bytes) {
          kept[entry.name] = entry
        } else {
          report.removedCount += try session.remove(entry, in: target)
        }
      }
      guard entries.count == ImportSession.batchCount else { return kept }
      last = entries.last?.name
    }
  }

  private mutating func plan(
    _ sourceName: [UInt8], as name: FileName, in source: HostDirectory,
    existing: DirectoryEntry?, target: FileID
  ) throws(StoreError) -> Planned {
    let (node, status) = try node(of: sourceName, in: source)
    var existing = existing
    if let old = existing, ImportedFiles.mustGo(old, for: node.kind) {
      report.removedCount += try session.remove(old, in: target)
      existing = nil
    }
    return Planned(
      name: name, sourceName: sourceName, node: node, status: status, existing: existing)
  }

  private mutating func node(
    of name: [UInt8], in source: HostDirectory
  ) throws(StoreError) -> (node: ImportedNode, status: HostStatus) {
    let path = { source.path + "/" + ByteText.text(name) }
    let status = try reading(path()) { () throws(SystemError) in
      name.isEmpty ? try source.status() : try source.status(of: name)
    }
    let node = try ImportedNode(status, of: name, in: source) { key in
      if unreadAttributes.count == 0 { unreadAttributes.example = "\(key) of \(path())" }
      unreadAttributes.count += 1
    }
    return (node, status)
  }

  /// Changes the names of a batch in one transaction.
  private mutating func place(
    _ batch: [Planned], in target: FileID
  ) throws(StoreError) -> [(item: Planned, outcome: ImportedFiles.Outcome)] {
    var files = files
    var placed: [(item: Planned, outcome: ImportedFiles.Outcome)] = []
    try session.tree.update { transaction throws(StoreError) in
      for item in batch {
        let isSingle = item.status.linkCount < 2 || item.node.kind == .directory
        let source: ImportedFiles.Source =
          isSingle ? .single : .inode(device: item.status.device, inode: item.status.inode)
        let outcome = try files.place(
          item.node, source, name: item.name, in: target, existing: item.existing, transaction)
        placed.append((item, outcome))
      }
    }
    self.files = files
    return placed
  }

  /// Counts what was placed and hands its content out. Returns a directory that is to be filled.
  private mutating func bring(
    _ item: Planned, _ outcome: ImportedFiles.Outcome, _ source: HostDirectory
  ) throws(StoreError) -> FileID? {
    let file: FileID
    let isNew: Bool
    switch outcome {
    case .linked:
      report.hardLinkCount += 1
      return nil
    case .made(let made): (file, isNew) = (made, true)
    case .kept(let kept): (file, isNew) = (kept, false)
    }
    switch item.node.kind {
    case .directory:
      report.directoryCount += 1
      return file
    case .symbolicLink:
      report.symbolicLinkCount += 1
      report.noteTablespace(
        item.node, path: source.path + "/" + ByteText.text(item.sourceName))
    case .characterDevice, .blockDevice, .fifo, .socket: report.specialFileCount += 1
    case .regular: try bringContent(item, file, isNew: isNew, source)
    }
    return nil
  }

  private mutating func bringContent(
    _ item: Planned, _ file: FileID, isNew: Bool, _ source: HostDirectory
  ) throws(StoreError) {
    report.fileCount += 1
    report.byteCount += item.status.byteCount
    let isEmpty = try session.finishEmpty(
      file, byteCount: item.status.byteCount, modified: item.node.modified)
    if isEmpty { return }
    if !isNew, try session.isUnchanged(file, item.status) {
      report.unchangedFileCount += 1
      try session.counter.add(item.status.byteCount)
      return
    }
    try contents.add(
      FileContents.Item(
        directory: source, name: item.sourceName, status: item.status, file: file, isNew: isNew))
  }
}
