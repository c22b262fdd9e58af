internal import CoppiceEngine
internal import CoppicePlatform

/// Makes a directory of the target like one of the machine, recursively: what is new is made, what
/// changed is read, what is gone is removed.
struct DirectoryImport {
  private let session: ImportSession
  private let contents: FileContents
  private var files = ImportedFiles()
  private(set) var report = ImportReport()
  /// Data directories of PostgreSQL without a running server; looked at again at the end.
  private var dataDirectories: [String] = []

  init(_ session: ImportSession) {
    self.session = session
    contents = FileContents(session)
  }

  /// Mirrors all below `source` into the directory `target` and waits for the contents.
  mutating func run(_ source: HostDirectory, into target: FileID) throws(StoreError) {
    try mirror(source, into: target)
    let node = try node(of: [], in: source)
    try session.tree.update { transaction throws(StoreError) in
      try ImportedFiles.update(target, to: node.node, transaction)
    }
    try finish()
    for path in dataDirectories {
      let directory = try reading(path) { () throws(SystemError) in try HostDirectory(path: path) }
      try RunningPostgreSQL.refuse(directory)
    }
  }

  /// Imports one file under a name of `target` and waits for its content.
  mutating func run(
    file: [UInt8], in source: HostDirectory, as name: FileName, into target: FileID
  ) throws(StoreError) {
    let existing = try session.lookupIfPresent(name, in: target)
    let planned = try plan(file, as: name, in: source, existing: existing, target: target)
    try apply([planned], source, target)
    try finish()
  }

  private func finish() throws(StoreError) {
    try contents.flush()
    try session.finishContents()
  }

  // MARK: One directory

  private struct Planned {
    var name: FileName
    var sourceName: [UInt8]
    var node: ImportedNode
    var status: HostStatus
    var existing: DirectoryEntry?
  }

  private mutating func mirror(
    _ source: HostDirectory, into target: FileID
  ) throws(StoreError) {
    let names = try reading(source.path) { () throws(SystemError) in try source.names() }
    if RunningPostgreSQL.isCandidate(names) {
      try RunningPostgreSQL.refuse(source)
      dataDirectories.append(source.path)
    }
    var existing = try takeExisting(target, keeping: names)
    var rest = names[...]
    while !rest.isEmpty {
      let batch = rest.prefix(ImportSession.batchCount)
      rest = rest.dropFirst(batch.count)
      var planned: [Planned] = []
      for sourceName in batch {
        let name = try FileName(bytes: sourceName)
        let old = existing.removeValue(forKey: name)
        planned.append(
          try plan(sourceName, as: name, in: source, existing: old, target: target))
      }
      try apply(planned, source, target)
    }
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

  private func node(
    of name: [UInt8], in source: HostDirectory
  ) throws(StoreError) -> (node: ImportedNode, status: HostStatus) {
    let path = { source.path + "/" + ByteText.text(name) }
    let status = try reading(path()) { () throws(SystemError) in
      name.isEmpty ? try source.status() : try source.status(of: name)
    }
    var node = ImportedNode(status)
    if status.kind == .symbolicLink {
      node.target = try reading(path()) { () throws(SystemError) in
        try source.readSymbolicLink(name)
      }
    }
    let attributes = try reading(path()) { () throws(SystemError) in
      try source.attributeNames(of: name)
    }
    for attribute in attributes {
      let value = try reading(path()) { () throws(SystemError) in
        try source.attribute(attribute, of: name)
      }
      node.attributes[try AttributeName(bytes: attribute)] = value
    }
    return (node, status)
  }

  /// Changes the names of a batch in one transaction, then hands out contents and goes down.
  private mutating func apply(
    _ batch: [Planned], _ source: HostDirectory, _ target: FileID
  ) throws(StoreError) {
    var files = files
    var outcomes: [ImportedFiles.Outcome] = []
    try session.tree.update { transaction throws(StoreError) in
      for item in batch {
        let isSingle = item.status.linkCount < 2 || item.node.kind == .directory
        let source: ImportedFiles.Source =
          isSingle ? .single : .inode(device: item.status.device, inode: item.status.inode)
        outcomes.append(
          try files.place(
            item.node, source, name: item.name, in: target, existing: item.existing,
            transaction))
      }
    }
    self.files = files
    for (item, outcome) in zip(batch, outcomes) { try bring(item, outcome, source) }
    try session.writeStamps()
  }

  private mutating func bring(
    _ item: Planned, _ outcome: ImportedFiles.Outcome, _ source: HostDirectory
  ) throws(StoreError) {
    let file: FileID
    let isNew: Bool
    switch outcome {
    case .linked:
      report.hardLinkCount += 1
      return
    case .made(let made): (file, isNew) = (made, true)
    case .kept(let kept): (file, isNew) = (kept, false)
    }
    switch item.node.kind {
    case .directory:
      report.directoryCount += 1
      let child = try reading(source.path) { () throws(SystemError) in
        try source.openDirectory(item.sourceName)
      }
      try mirror(child, into: file)
      try session.tree.update { transaction throws(StoreError) in
        try ImportedFiles.update(file, to: item.node, transaction)
      }
    case .symbolicLink:
      report.symbolicLinkCount += 1
      report.noteTablespace(
        item.node, path: source.path + "/" + ByteText.text(item.sourceName))
    case .characterDevice, .blockDevice, .fifo, .socket: report.specialFileCount += 1
    case .regular:
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
          directory: source, name: item.sourceName, status: item.status, file: file))
    }
  }
}
