internal import CoppicePlatform

/// Makes a directory of the target like a tar stream says, member by member.
struct TarImport {
  private struct SeenName: Hashable {
    var directory: FileID
    var name: FileName
  }

  private let session: ImportSession
  private let object: String
  private let top: FileID
  private let contents: StreamContents
  private var reader: TarReader
  private var way: MemberWay
  private var files = ImportedFiles()
  private(set) var report = ImportReport()
  /// Names the archive has had so far.
  private var seen: Set<SeenName> = []
  /// Attributes of directories; set last, as making names in one changes its time.
  private var directories: [FileID: ImportedNode] = [:]
  private var ignoredRecordCount = 0

  /// `object` names the stream in errors, `top` is the directory that paths begin at.
  init(_ session: ImportSession, _ input: any TransferInput, object: String, top: FileID) {
    self.session = session
    self.object = object
    self.top = top
    contents = StreamContents(session)
    reader = TarReader(input, object: object)
    way = MemberWay(top: top)
  }

  mutating func run() throws(StoreError) {
    while let entry = try reader.next() { try add(entry) }
    if session.options.isReplacing { report.removedCount += try removeUnseen() }
    try session.finishContents()
    try addTop()
    var rest = directories.sorted { $0.key < $1.key }[...]
    while !rest.isEmpty {
      let batch = rest.prefix(ImportSession.batchCount)
      rest = rest.dropFirst(batch.count)
      try session.tree.update { transaction throws(StoreError) in
        for (file, node) in batch { try ImportedFiles.update(file, to: node, transaction) }
      }
    }
    if ignoredRecordCount > 0 {
      report.notes.append(
        "access control lists of \(ignoredRecordCount) members were not kept: "
          + "tar holds them as text")
    }
  }

  /// PostgreSQL's base backups do not list their top directory, and a server refuses one that is
  /// not its user's alone: it gets the owner of the file that marks a data directory.
  private mutating func addTop() throws(StoreError) {
    let marker = DataDirectory.versionFile
    guard directories[top] == nil, seen.contains(SeenName(directory: top, name: marker)),
      let file = try session.lookupIfPresent(marker, in: top)
    else { return }
    directories[top] = try session.tree.update { transaction throws(StoreError) in
      ImportedNode(
        directory: try transaction.attributes(of: top),
        like: try transaction.attributes(of: file.file), permissions: 0o700)
    }
  }

  // MARK: Members

  private mutating func add(_ entry: TarEntry) throws(StoreError) {
    let member = try parse(entry.path)
    if !entry.ignoredRecords.isEmpty { ignoredRecordCount += 1 }
    let node = try ImportedNode(entry)
    guard let name = member.name else {
      guard entry.kind == .directory else {
        throw invalid("the top of the archive is no directory", entry)
      }
      directories[top] = node
      return
    }
    let directory = try makeDirectory(member.directory, entry)
    let existing = try prepare(name, directory, node.kind)
    seen.insert(SeenName(directory: directory, name: name))
    if entry.kind == .hardLink {
      try link(entry, as: name, in: directory, existing)
    } else {
      try place(entry, node, as: name, in: directory, existing)
    }
  }

  private mutating func place(
    _ entry: TarEntry, _ node: ImportedNode, as name: FileName, in directory: FileID,
    _ existing: DirectoryEntry?
  ) throws(StoreError) {
    var files = files
    let outcome = try session.tree.update { transaction throws(StoreError) in
      try files.place(
        node, .single, name: name, in: directory, existing: existing, transaction)
    }
    self.files = files
    switch outcome {
    case .linked: return
    case .made(let file): try bring(entry, node, file, isNew: true)
    case .kept(let file): try bring(entry, node, file, isNew: false)
    }
  }

  private mutating func bring(
    _ entry: TarEntry, _ node: ImportedNode, _ file: FileID, isNew: Bool
  ) throws(StoreError) {
    switch node.kind {
    case .directory:
      report.directoryCount += 1
      directories[file] = node
    case .symbolicLink:
      report.symbolicLinkCount += 1
      report.noteTablespace(node, path: ByteText.text(entry.path))
    case .characterDevice, .blockDevice, .fifo, .socket: report.specialFileCount += 1
    case .regular:
      report.fileCount += 1
      report.byteCount += entry.byteCount
      let isEmpty = try session.finishEmpty(
        file, byteCount: entry.byteCount, modified: node.modified)
      if isEmpty { return }
      var reader = reader
      _ = try contents.run(
        file, isNew: isNew, modified: entry.modified, byteCount: entry.byteCount,
        seek: { _ throws(StoreError) in reader.nextData?.lowerBound },
        read: { buffer throws(StoreError) in try reader.readData(into: buffer) })
      self.reader = reader
    }
  }

  private mutating func link(
    _ entry: TarEntry, as name: FileName, in directory: FileID, _ existing: DirectoryEntry?
  ) throws(StoreError) {
    let target = try parse(entry.linkTarget)
    let missing = invalid(
      "a hard link to '\(ByteText.text(entry.linkTarget))', "
        + "which is no member before it", entry)
    guard let last = target.name, let place = try findDirectory(target.directory),
      seen.contains(SeenName(directory: place, name: last)),
      let file = try session.lookupIfPresent(last, in: place), file.kind != .directory
    else { throw missing }
    report.hardLinkCount += 1
    guard existing?.file != file.file else { return }
    try session.tree.update { transaction throws(StoreError) in
      if existing != nil { try transaction.remove(name, in: directory) }
      _ = try transaction.link(file.file, as: name, in: directory)
    }
  }

  /// What the name means so far. A later member of the same name takes the place of an earlier one,
  /// whose content must have come to its end.
  private mutating func prepare(
    _ name: FileName, _ directory: FileID, _ kind: FileKind
  ) throws(StoreError) -> DirectoryEntry? {
    guard let existing = try session.lookupIfPresent(name, in: directory) else { return nil }
    let isRepeated = seen.contains(SeenName(directory: directory, name: name))
    if isRepeated, existing.kind == .directory, kind == .directory { return existing }
    if isRepeated { try session.queue.finish() }
    guard isRepeated || ImportedFiles.mustGo(existing, for: kind) else { return existing }
    report.removedCount += try session.remove(existing, in: directory)
    if existing.kind == .directory { way.reset() }
    if existing.kind == .regular { files.forget(existing.file) }
    return nil
  }

  // MARK: Paths

  private func parse(_ path: [UInt8]) throws(StoreError) -> MemberWay.Place {
    try Self.parsing(path, object) { () throws(StoreError) in try MemberWay.Place(path) }
  }

  private static func parsing<Result>(
    _ path: [UInt8], _ object: String, _ body: () throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    do throws(StoreError) {
      return try body()
    } catch {
      throw StoreError(
        .invalid, "a member's path is not usable: \(error.message)", object: object,
        remedy: "nothing was changed; make the archive with relative paths",
        cause: "member '\(ByteText.text(path))'")
    }
  }

  /// The directory at a path below the top; those that the archive did not list are made.
  private mutating func makeDirectory(
    _ path: [UInt8], _ entry: TarEntry
  ) throws(StoreError) -> FileID {
    var (place, names) = try Self.parsing(path, object) { () throws(StoreError) in
      try way.begin(path)
    }
    for name in names {
      seen.insert(SeenName(directory: place, name: name))
      if let found = try session.lookupIfPresent(name, in: place) {
        guard found.kind == .directory else {
          throw invalid("'\(name)' on its path is no directory", entry)
        }
        place = found.file
      } else {
        let parent = place
        place = try session.tree.update { transaction throws(StoreError) in
          try transaction.createDirectory(name, in: parent, NewFile(permissions: 0o755)).file
        }
        report.directoryCount += 1
      }
      way.advance(name, to: place)
    }
    return place
  }

  private mutating func findDirectory(_ path: [UInt8]) throws(StoreError) -> FileID? {
    var (place, names) = try Self.parsing(path, object) { () throws(StoreError) in
      try way.begin(path)
    }
    for name in names {
      guard let found = try session.lookupIfPresent(name, in: place),
        found.kind == .directory
      else { return nil }
      place = found.file
      way.advance(name, to: place)
    }
    return place
  }

  // MARK: What the archive does not have

  private func removeUnseen() throws(StoreError) -> Int {
    var count = 0
    var walk = TreeWalk(session.tree, below: top)
    while let step = try walk.next() {
      guard case .entry(let entry) = step, let directory = walk.directory else { continue }
      if !seen.contains(SeenName(directory: directory, name: entry.name)) {
        count += try session.remove(entry, in: directory)
      } else if entry.kind == .directory {
        walk.descend(entry.file)
      }
    }
    return count
  }

  private func invalid(_ message: String, _ entry: TarEntry) -> StoreError {
    StoreError(
      .invalid, message, object: object, remedy: "nothing was changed; check the archive",
      cause: "member '\(ByteText.text(entry.path))'")
  }
}
