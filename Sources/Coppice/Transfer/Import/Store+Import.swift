internal import CoppiceEngine
internal import CoppicePlatform

extension Store {
  /// Brings a directory, a file or a stream into a branch.
  ///
  /// Without a path the source becomes the whole tree of `branch`, which is made. A file or stream
  /// without a path is an error, but for a file it is its own name. An existing target is an error
  /// unless `isReplacing` is set: then it becomes exactly like the source, keeping what is equal.
  /// Everything becomes visible at once, or nothing does when an error is thrown; memory is bounded
  /// whatever the source's byte count. The change is durable on return.
  ///
  /// Throws `conflict` when the target exists, changes meanwhile, or the source changes while it is
  /// read; `inUse` for the data directory of a running PostgreSQL, and for a branch with open
  /// files; `invalid` for a source that holds the store, a stream that ends early, or a branch in
  /// another trust domain than the options name; `notFound` for a domain that does not exist.
  public func importFiles(
    from source: ImportSource, into branch: String, at path: BranchPath = .root,
    options: ImportOptions = ImportOptions()
  ) throws(StoreError) -> ImportReport {
    let plan = try ImportPlan(source, branch: branch, path: path, options: options, store: self)
    let target = try beginImport(
      branch, replacing: plan.replacesBranch, isWhole: plan.isWhole, options)
    do throws(StoreError) {
      let session = try ImportSession(
        staging: target.staging, tree: target.tree, options: options,
        expectedByteCount: plan.expectedByteCount)
      var report: ImportReport
      do throws(StoreError) {
        report = try plan.run(session)
      } catch {
        throw session.queue.cancel(because: error)
      }
      if options.isDryRun {
        try checkImport(target)
        target.staging.cancel()
      } else {
        try finishImport(target)
      }
      let counts = target.staging.counts
      report.storedByteCount = UInt64(
        counts.fullByteCount + counts.deltaByteCount + counts.nodeByteCount)
      return report
    } catch {
      target.staging.cancel()
      throw error
    }
  }
}

/// What an import will read and where it will write, checked before anything is done.
private struct ImportPlan {
  private enum Source {
    case directory(HostDirectory)
    /// A file in a directory. It stays open until the import ends: whether a mount of the target
    /// serves it is no question of when the kernel says that it was closed.
    case file(HostFile, in: HostDirectory, name: [UInt8])
    case stream(HostFile, after: [UInt8])
  }

  let expectedByteCount: UInt64?
  /// Whether the branch exists, and the import starts at its tree.
  let replacesBranch: Bool
  private let source: Source
  private let path: BranchPath
  private let options: ImportOptions
  private let description: String

  init(
    _ source: ImportSource, branch: String, path: BranchPath, options: ImportOptions,
    store: Store
  ) throws(StoreError) {
    try EntryName.validate(branch: branch)
    let opened = try ImportPlan.open(source, options)
    var path = path
    switch opened {
    case .directory(let directory):
      try SourcePlace.refuse(directory, holding: store.directory)
      for mount in options.mounts { try SourcePlace.refuse(directory, onMount: mount) }
    case .file(_, _, let name):
      if path.lastComponent == nil, !options.isTar {
        path = BranchPath(components: [try FileName(bytes: name)])
      }
    case .stream:
      guard options.isTar || path.lastComponent != nil else {
        throw StoreError(
          .invalid, "a stream needs the path of the file that it becomes", object: branch,
          remedy: "write the target as \(branch):PATH, or use \(step: .importTar) for a tar stream")
      }
    }
    self.source = opened
    self.path = path
    self.options = options
    description =
      switch source {
      case .path(let path): path
      case .stream(let descriptor, _): HostFile.path(ofDescriptor: descriptor)
      }
    replacesBranch = try ImportPlan.checkTarget(branch, path, options, store)
    expectedByteCount =
      options.progress == nil ? nil : try ImportPlan.byteCount(of: opened)
  }

  /// Whether the branch becomes what is imported, and nothing that it had stays.
  var isWhole: Bool { options.isReplacing && path.components.isEmpty }

  func run(_ session: ImportSession) throws(StoreError) -> ImportReport {
    switch source {
    case .directory(let directory):
      var directoryImport = DirectoryImport(
        session, refusing: SourcePlace.devices(of: options.mounts))
      try directoryImport.run(directory, into: try targetDirectory(session))
      return directoryImport.report
    case .file(let file, let directory, let name):
      if options.isTar { return try runTar(session, StreamInput(file, counter: session.counter)) }
      var fileImport = DirectoryImport(session)
      let (parent, target) = try targetName(session)
      try fileImport.run(file: name, in: directory, as: target, into: parent)
      return fileImport.report
    case .stream(let file, let beginning):
      let input = StreamInput(file, after: beginning, counter: session.counter)
      return try options.isTar ? runTar(session, input) : runStream(session, input)
    }
  }

  private func runTar(
    _ session: ImportSession, _ input: StreamInput
  ) throws(StoreError) -> ImportReport {
    var tar = TarImport(
      session, input, object: description, top: try targetDirectory(session))
    try tar.run()
    return tar.report
  }

  private func runStream(
    _ session: ImportSession, _ input: StreamInput
  ) throws(StoreError) -> ImportReport {
    let (parent, name) = try targetName(session)
    if let old = try session.lookupIfPresent(name, in: parent), old.kind != .regular {
      _ = try session.remove(old, in: parent)
    }
    let (target, isNew) = try session.tree.update { transaction throws(StoreError) in
      if let old = try transaction.lookupIfPresent(name, in: parent) { return (old.file, false) }
      return (try transaction.createFile(name, in: parent, NewFile()).file, true)
    }
    let byteCount = try StreamContents(session).run(
      target, isNew: isNew, modified: session.startTime, byteCount: nil,
      seek: { offset throws(StoreError) in offset },
      read: { buffer throws(StoreError) in try input.read(into: buffer) })
    try session.finishContents()
    var report = ImportReport()
    report.fileCount = 1
    report.byteCount = byteCount
    return report
  }

  // MARK: The target

  /// Whether the branch exists. Throws `conflict` when the target does, and nobody said to replace.
  private static func checkTarget(
    _ branch: String, _ path: BranchPath, _ options: ImportOptions, _ store: Store
  ) throws(StoreError) -> Bool {
    let exists = try store.entries(in: .named).contains {
      $0.name.hasBytes(of: branch)
    }
    guard exists, !options.isReplacing else { return exists }
    let isWhole = path.components.isEmpty
    let tree = try store.tree(branch)
    let isTaken: Bool
    do throws(StoreError) {
      _ = try tree.lookup(path)
      isTaken = true
    } catch {
      guard error.kind == .notFound else { throw error }
      isTaken = false
    }
    guard isTaken else { return true }
    throw StoreError(
      .conflict, "exists already", object: isWhole ? branch : "\(branch):\(path)",
      remedy:
        "use \(step: .replaceTarget) to make it exactly like the source, or choose another target",
      reason: .exists)
  }

  /// The directory that mirrors the source; what stands in its place goes.
  private func targetDirectory(_ session: ImportSession) throws(StoreError) -> FileID {
    guard let name = path.lastComponent, let parentPath = path.parent else { return .root }
    let parent = try session.directory(parentPath)
    if let old = try session.lookupIfPresent(name, in: parent) {
      if old.kind == .directory { return old.file }
      _ = try session.remove(old, in: parent)
    }
    return try session.directory(path)
  }

  private func targetName(
    _ session: ImportSession
  ) throws(StoreError) -> (parent: FileID, name: FileName) {
    guard let name = path.lastComponent, let parent = path.parent else {
      preconditionFailure("a file is imported under a name")
    }
    return (try session.directory(parent), name)
  }

  // MARK: The source

  private static func open(
    _ source: ImportSource, _ options: ImportOptions
  ) throws(StoreError) -> Source {
    switch source {
    case .stream(let descriptor, let beginning):
      let file = try reading(HostFile.path(ofDescriptor: descriptor)) { () throws(SystemError) in
        try HostFile(duplicating: descriptor)
      }
      return .stream(file, after: beginning)
    case .path(let path):
      let file: HostFile
      let status: HostStatus
      do throws(SystemError) {
        file = try HostFile(reading: path)
        status = try file.status()
      } catch {
        guard error.isMissing else { throw StoreError(reading: error, object: path) }
        throw StoreError(.notFound, "no such file or directory", object: path)
      }
      switch status.kind {
      case .directory where options.isTar:
        throw StoreError(
          .invalid, "is a directory, not a tar stream", object: path,
          remedy: "import the directory itself, without \(step: .importTar)")
      case .directory:
        return .directory(
          try reading(path) { () throws(SystemError) in try HostDirectory(path: path) })
      case .regular:
        let place = try? HostPlace(resolving: path)
        // A file that has no name any more is nothing but its content.
        guard let place, place.isPlace(of: status) else { return .stream(file, after: []) }
        return .file(file, in: place.directory, name: place.name)
      case .fifo, .characterDevice, .socket: return .stream(file, after: [])
      case .blockDevice:
        throw StoreError(
          .invalid, "is a block device", object: path,
          remedy: "\(step: .importStream(of: path))")
      case .symbolicLink: preconditionFailure("links are followed")
      }
    }
  }

  private static func byteCount(of source: Source) throws(StoreError) -> UInt64? {
    switch source {
    case .directory(let directory): return try SourcePlace.byteCount(below: directory)
    case .file(_, let directory, let name):
      return try reading(directory.path) { () throws(SystemError) in
        try directory.status(of: name).byteCount
      }
    case .stream: return nil
    }
  }
}
