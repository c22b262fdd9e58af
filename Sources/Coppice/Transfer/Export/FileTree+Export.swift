internal import CoppicePlatform

extension FileTree {
  /// Writes the file or directory at `path` to the machine's file system, or as a tar stream.
  ///
  /// A target that exists is an error, an empty directory aside. Times, owners, permissions,
  /// extended attributes, hard links and holes are restored; what the target's file system or the
  /// user's rights do not take is counted and told in the report, and costs nothing else. What is
  /// written carries `incomplete` in its name until it is whole and on the device; after an error
  /// it is removed. The tree may be changed or deleted meanwhile: all that is exported is of one
  /// moment.
  ///
  /// Throws `conflict` when the target exists, `full`, `denied`, or `invalid` when a directory is
  /// to go to a stream that is no tar stream.
  public func exportFiles(
    at path: BranchPath = .root, to target: ExportTarget, options: ExportOptions = ExportOptions()
  ) throws(StoreError) -> ExportReport {
    try moment().export(at: path, to: target, options)
  }
}

extension Moment {
  fileprivate func export(
    at path: BranchPath, to target: ExportTarget, _ options: ExportOptions
  ) throws(StoreError) -> ExportReport {
    let file = try lookup(path)
    let kind = try attributes(of: file).kind
    switch target {
    case .stream(let descriptor):
      return try export(
        file, kind, name: path.lastComponent, to: Self.output(descriptor, options), options)
    case .path(let place) where options.isTar:
      return try exportFile(to: place) { output throws(StoreError) in
        try export(
          file, kind, name: path.lastComponent,
          to: StreamOutput(output, isCancelled: options.isCancelled), options)
      }
    case .path(let place):
      return try kind == .directory
        ? exportDirectory(file, to: place, options) : exportNode(file, to: place, options)
    }
  }

  // MARK: Streams

  /// Writes the content of a regular file to an open descriptor; returns its byte count.
  package func exportContent(
    of file: FileID, to fileDescriptor: Int32, _ options: ExportOptions
  ) throws(StoreError) -> UInt64 {
    try export(file, .regular, name: nil, to: Self.output(fileDescriptor, options), options)
      .byteCount
  }

  private static func output(
    _ fileDescriptor: Int32, _ options: ExportOptions
  ) throws(StoreError) -> StreamOutput {
    StreamOutput(
      try writing("standard output") { () throws(SystemError) in
        try HostFile(duplicating: fileDescriptor)
      }, isCancelled: options.isCancelled)
  }

  private func export(
    _ file: FileID, _ kind: FileKind, name: FileName?, to output: StreamOutput,
    _ options: ExportOptions
  ) throws(StoreError) -> ExportReport {
    let counter = TransferCounter(
      expected: try expected(file, options), tell: options.progress,
      isCancelled: options.isCancelled)
    let report: ExportReport
    if options.isTar {
      var tar = TarExport(self, output, counter: counter)
      report = try tar.run(file, name: name)
    } else {
      report = try writeContent(of: file, kind, to: output, counter)
    }
    try output.flush()
    return report
  }

  private func writeContent(
    of file: FileID, _ kind: FileKind, to output: StreamOutput, _ counter: TransferCounter
  ) throws(StoreError) -> ExportReport {
    guard kind == .regular else {
      throw StoreError(
        .invalid, "only a regular file can be written to a stream as it is", object: name,
        remedy: kind == .directory ? "write it as a tar stream, with \(step: .exportTar)" : "",
        reason: kind == .directory ? .isDirectory : nil)
    }
    let buffer = AlignedBuffer(byteCountMin: pageByteCount * 256)
    buffer.extend(pageByteCount * 256)
    var report = ExportReport()
    report.fileCount = 1
    while true {
      let count = try read(file, at: report.byteCount, into: buffer.mutableContents)
      if count == 0 { return report }
      try output.write(UnsafeRawBufferPointer(rebasing: buffer.contents[..<count]))
      report.byteCount += UInt64(count)
      try counter.add(UInt64(count))
    }
  }

  // MARK: Paths

  private func exportFile(
    to place: String, _ body: (HostFile) throws(StoreError) -> ExportReport
  ) throws(StoreError) -> ExportReport {
    let stage = try ExportStage(place, acceptsDirectory: false)
    do throws(StoreError) {
      let output = try writing(place) { () throws(SystemError) in
        try stage.directory.makeFile(stage.contentName, permissions: 0o600)
      }
      let report = try body(output)
      try writing(place) { () throws(SystemError) in try output.sync() }
      try stage.complete()
      return report
    } catch {
      stage.remove()
      throw error
    }
  }

  private func exportNode(
    _ file: FileID, to place: String, _ options: ExportOptions
  ) throws(StoreError) -> ExportReport {
    let stage = try ExportStage(place, acceptsDirectory: false)
    do throws(StoreError) {
      let export = try DirectoryExport(
        self, into: stage.directory, options: options, expected: try expected(file, options))
      var report = try export.run(file: file, as: stage.contentName)
      try writing(place) { () throws(SystemError) in try stage.directory.syncFileSystem() }
      try stage.complete()
      report.note(export.losses)
      return report
    } catch {
      stage.remove()
      throw error
    }
  }

  private func exportDirectory(
    _ directory: FileID, to place: String, _ options: ExportOptions
  ) throws(StoreError) -> ExportReport {
    let stage = try ExportStage(place, acceptsDirectory: true)
    do throws(StoreError) {
      let top = try stage.makeDirectory()
      let export = try DirectoryExport(
        self, into: top, options: options, expected: try expected(directory, options))
      var report = try export.run(directory)
      try writing(place) { () throws(SystemError) in try top.syncFileSystem() }
      let node = try ExportedNode(directory, of: self)
      try stage.complete { parent, name throws(StoreError) in
        try RestoredName(directory: parent, name: name).restore(node, export.losses)
      }
      report.note(export.losses)
      return report
    } catch {
      stage.remove()
      throw error
    }
  }

  /// Bytes below a file, when somebody wants to see progress.
  private func expected(
    _ file: FileID, _ options: ExportOptions
  ) throws(StoreError) -> UInt64? {
    guard options.progress != nil else { return nil }
    let attributes = try attributes(of: file)
    guard attributes.kind == .directory else { return attributes.byteCount }
    var sum: UInt64 = 0
    var walk = TreeWalk(core, below: file)
    while let step = try walk.next() {
      guard case .entry(let entry) = step else { continue }
      if entry.kind == .directory {
        walk.descend(entry.file)
      } else {
        sum += try self.attributes(of: entry.file).byteCount
      }
    }
    return sum
  }
}
