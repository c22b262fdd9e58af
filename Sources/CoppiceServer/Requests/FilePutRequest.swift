package import Coppice
internal import CoppicePlatform

package struct FilePutRequest: StoreRequest {
  package static let route = Route(
    .put, "/v1/files/content", "Make a file of a branch, or give it new content.")

  package var entry: String
  package var path: String?
  /// The content; none with `zeroByteCount`.
  package var source: ClientFile?
  /// That many zero bytes, which take no space, instead of a source.
  package var zeroByteCount: UInt64?
  /// Also while a PostgreSQL server works on the branch.
  package var force: Bool

  package init(
    entry: String, path: String?, source: ClientFile?, zeroByteCount: UInt64?, force: Bool
  ) {
    self.entry = entry
    self.path = path
    self.source = source
    self.zeroByteCount = zeroByteCount
    self.force = force
  }

  package var isReadOnly: Bool { false }

  package var access: Access { Access(.change, .entry(entry)) }

  /// What is written in one transaction; more goes through an import, which is as atomic.
  private static let transactionByteCountMax = 8 << 20

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let place = FilePlace(entry, path)
    let path = try place.requiredPath()
    let branch = try context.store.branch(entry)
    if !force { try BranchUse.refuseServers(of: entry, context) }
    return try place.naming { () throws(StoreError) in try put(at: path, of: branch, context) }
  }

  private func put(
    at path: BranchPath, of branch: Branch, _ context: RequestContext
  ) throws(StoreError) -> Answer {
    if let parent = path.parent { try makeDirectories(parent, of: branch) }
    let byteCount: UInt64
    if let zeroByteCount {
      let made = try branch.writeFile(path, [])
      try branch.truncate(made, to: zeroByteCount)
      try branch.flush()
      byteCount = zeroByteCount
    } else if let source {
      byteCount = try write(source, to: path, of: branch, context)
    } else {
      throw StoreError(
        .invalid, "has no content", object: "\(entry):\(path)",
        remedy: "name a source or a number of zero bytes")
    }
    return Answer(branch: entry, path: path.description, byteCount: byteCount)
  }

  /// Links to directories count as directories.
  private func makeDirectories(_ path: BranchPath, of branch: Branch) throws(StoreError) {
    do throws(StoreError) {
      _ = try branch.lookup(path, followingLinks: true)
    } catch {
      guard error.kind == .notFound else { throw error }
      try branch.createDirectories(path)
    }
  }

  private func write(
    _ source: ClientFile, to path: BranchPath, of branch: Branch, _ context: RequestContext
  ) throws(StoreError) -> UInt64 {
    var options = ImportOptions()
    options.isReplacing = true
    options.apply(context, source)
    return try source.reachStream(context.files, forWriting: false) { stream throws(StoreError) in
      let beginning = try beginning(of: stream, options)
      guard beginning.count > Self.transactionByteCountMax else {
        _ = try branch.writeFile(path, beginning)
        try branch.flush()
        return UInt64(beginning.count)
      }
      return try context.store.importFiles(
        from: .stream(fileDescriptor: stream.fileDescriptor, after: beginning), into: entry,
        at: path, options: options
      ).byteCount
    }
  }

  /// All of a short stream, or more than a transaction takes.
  private func beginning(
    of stream: HostFile, _ options: ImportOptions
  ) throws(StoreError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Self.transactionByteCountMax + 1)
    let count = try bytes.withUnsafeMutableBufferPointer { buffer throws(StoreError) in
      try stream.readNext(
        into: UnsafeMutableRawBufferPointer(buffer), isCancelled: options.isCancelled)
    }
    if options.isCancelled?() ?? false { throw .cancelled }
    bytes.removeLast(bytes.count - count)
    return bytes
  }

  package struct Answer: Codable, Sendable {
    package var branch: String
    package var path: String
    package var byteCount: UInt64
  }
}
