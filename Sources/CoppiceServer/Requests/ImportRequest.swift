package import Coppice
internal import CoppiceLifecycle
internal import CoppicePlatform

package struct ImportRequest: StoreRequest {
  package static let route = Route(
    .post, "/v1/import", "Bring a directory, a file or a stream into a branch.")
  package static let isCancellable = true

  package var source: ClientFile
  package var branch: String
  /// A place in the branch; the whole branch without.
  package var path: String?
  /// The trust domain of a branch that is made; `raw` without.
  package var domain: String?
  /// The source is a tar stream.
  package var tar: Bool
  /// Make an existing target exactly like the source.
  package var replace: Bool
  /// Read all files, also those whose times say that they did not change.
  package var checksum: Bool
  /// Also while files of the branch are open.
  package var force: Bool
  /// Read and compare everything, but change nothing.
  package var dryRun: Bool

  package init(
    source: ClientFile, branch: String, path: String?, domain: String?, tar: Bool, replace: Bool,
    checksum: Bool,
    force: Bool, dryRun: Bool
  ) {
    self.source = source
    self.branch = branch
    self.path = path
    self.domain = domain
    self.tar = tar
    self.replace = replace
    self.checksum = checksum
    self.force = force
    self.dryRun = dryRun
  }

  package var isReadOnly: Bool { false }

  package var access: Access {
    Access(.change, .new(branch)).and(.create, domain.map { .domain($0) })
  }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    var options = ImportOptions()
    options.domain = domain
    options.owner = context.principal.knownName
    options.isTar = tar
    options.isReplacing = replace
    options.checksum = checksum
    options.isDryRun = dryRun
    options.force = force
    options.mounts = context.doors.mounts.map(\.directory)
    options.apply(context, source)
    let place = try FilePlace(branch, path).branchPath()
    let isThere = try context.store.entries(in: .named)
      .contains { $0.name.hasBytes(of: branch) }
    if replace, isThere, !force { try BranchUse.refuseOthers([branch], context) }
    var report = try context.suspendingInstances(of: replace && isThere && !dryRun ? [branch] : [])
    { () throws(StoreError) in
      // What this server has there itself would be suspended.
      if replace, !force, isThere, !dryRun || !context.hasInstance(on: branch) {
        try BranchUse.refuse([branch], context)
      }
      do throws(StoreError) { return try importFiles(at: place, options, context) } catch {
        // The store only knows that files are open; here it is seen by whom.
        if error.kind == .inUse, error.object == branch { try BranchUse.refuse([branch], context) }
        throw error
      }
    }
    if !dryRun {
      let tree = try context.store.tree(branch)
      let plan = try ForkPlan(
        of: tree, as: branch, mounts: context.doors.mounts.map(\.directory), isQuick: true)
      report.notes += plan.mapHazards
    }
    return Answer(
      report, Answer.Addition(branch: branch, path: path ?? "", isDryRun: dryRun))
  }

  private func importFiles(
    at place: BranchPath, _ options: ImportOptions, _ context: RequestContext
  ) throws(StoreError) -> ImportReport {
    guard !source.isStream else {
      return try source.reachStream(context.files, forWriting: false) { stream throws(StoreError) in
        try context.store.importFiles(
          from: .stream(fileDescriptor: stream.fileDescriptor), into: branch, at: place,
          options: options)
      }
    }
    return try source.reach(context.files) { path throws(StoreError) in
      var report = try context.store.importFiles(
        from: .path(path), into: branch, at: place, options: options)
      report.notes = report.notes.map { source.restored($0, from: path) }
      return report
    }
  }

  package struct Answer: ReportAnswer {
    package struct Addition: Codable, Sendable {
      package var branch: String
      package var path: String
      package var isDryRun: Bool
    }

    package var report: ImportReport
    package var addition: Addition

    package init(_ report: ImportReport, _ addition: Addition) {
      self.report = report
      self.addition = addition
    }
  }
}

extension ImportOptions {
  /// Shows progress to, and heeds the end of, whoever asked.
  mutating func apply(_ context: RequestContext, _ source: ClientFile) {
    let work = context.work
    let files = context.files
    if let tell = work.tell { progress = { tell(.transfer($0)) } }
    isCancelled = { work.isCancelled || !files.isOpen(source) }
  }
}
