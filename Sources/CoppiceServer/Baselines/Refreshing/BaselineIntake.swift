internal import Coppice
internal import CoppiceEngine
internal import CoppiceInstances
internal import CoppiceLifecycle
internal import CoppicePlatform

/// Brings the content of a baseline's source into the part of a refresh.
struct BaselineIntake {
  /// What was brought in.
  struct Brought {
    /// Of its files.
    var byteCount: UInt64
    /// What was stored for them.
    var storedByteCount: UInt64

    init(_ report: ImportReport) {
      byteCount = report.byteCount
      storedByteCount = report.storedByteCount
    }

    init(byteCount: UInt64 = 0, storedByteCount: UInt64 = 0) {
      self.byteCount = byteCount
      self.storedByteCount = storedByteCount
    }
  }

  let refresh: BaselineRefresh
  let source: BaselineSource
  /// The branch that is made.
  let part: String

  var store: Store { refresh.refresher.store }
  var baseline: Baseline { refresh.baseline }
  /// Marks what is made as a part of the baseline.
  var mark: [AnnotationChange] { [BaselineRegistry.part(of: baseline.name)] }
  /// Whose files and programs on this machine a source is: the store's.
  var owner: UInt32 { refresh.refresher.owner }

  /// Looks at the source before anything is transferred.
  func check() throws(StoreError) {
    switch source {
    case .postgres(let service): try ServiceCheck(service: service, intake: self).run()
    case .dump(let path): try DumpRestore(path: path, intake: self).check()
    case .directory(let path): try refuseServer(in: path)
    case .tar("-"):
      throw StoreError(
        .invalid, "came from a stream, which cannot be read again", object: baseline.name,
        remedy: "import the next one: coppice import --tar --replace - \(baseline.name), and then "
          + "coppice pg prepare \(baseline.name) SNAPSHOT")
    default: return
    }
  }

  private func refuseServer(in path: String) throws(StoreError) {
    guard HostPath.resolved("\(path)/postmaster.pid") != nil else { return }
    throw StoreError(
      .inUse, "a server works on it, or was killed there: its files do not fit together",
      object: path,
      remedy: "stop the server (or start and stop it), or take a base backup with postgres:SERVICE")
  }

  func bring() throws(StoreError) -> Brought {
    switch source {
    case .directory(let path): try importFiles(.path(path), isTar: false)
    case .tar(let path): try importFiles(.path(path), isTar: true)
    case .branch(let name): try fork(name)
    case .command(let command): try fill(by: command)
    case .postgres(let service): try BaseBackup(service: service, intake: self).take()
    case .dump(let path): try DumpRestore(path: path, intake: self).restore()
    }
  }

  /// The part begins as the work branch is, so that what did not change costs nothing.
  func forkWorkBranch() throws(StoreError) {
    // That of a baseline that is being added has nothing yet.
    let parts = Set(try store.entries(carrying: .part, in: .named).map(\.entry.id))
    let name = baseline.name
    if try store.entries(in: .named).contains(where: {
      $0.name.hasBytes(of: name) && !parts.contains($0.id)
    }) {
      try store.createBranch(part, from: name, annotations: mark)
    } else {
      try makeEmptyPart()
    }
  }

  /// A part without content, whose top belongs to the store's owner.
  func makeEmptyPart(_ name: String? = nil) throws(StoreError) {
    let branch = try store.createBranch(
      name ?? part, domain: baseline.domain, annotations: mark)
    try giveTop(of: branch, to: (owner, HostUser.group(of: owner)))
  }

  func importFiles(_ source: ImportSource, isTar: Bool) throws(StoreError) -> Brought {
    try forkWorkBranch()
    var options = ImportOptions()
    options.isTar = isTar
    options.isReplacing = true
    options.mounts = refresh.refresher.doors.mounts.map(\.directory)
    let isWanted = refresh.isWanted
    options.isCancelled = { !isWanted() }
    if let tell = refresh.asked.work.tell { options.progress = { tell(.transfer($0)) } }
    return Brought(
      try store.importFiles(
        from: source, into: part, at: BranchPath(escaped: "/"), options: options))
  }

  private func fork(_ name: String) throws(StoreError) -> Brought {
    let origin = try store.entry(name)
    guard !origin.domain.description.hasBytes(of: baseline.domain) else {
      try refresh.refresher.doors.writeDirtyPages(of: name)
      try store.createBranch(part, from: name, annotations: mark)
      return Brought()
    }
    var options = ImportOptions()
    options.domain = baseline.domain
    options.annotations = mark
    let isWanted = refresh.isWanted
    options.isCancelled = { !isWanted() }
    return Brought(try store.copy(name, into: part, options: options))
  }

  // MARK: By a command

  private func fill(by command: String) throws(StoreError) -> Brought {
    try forkWorkBranch()
    let branch = try store.branch(part)
    try giveTop(of: branch, to: (owner, HostUser.group(of: owner)))
    let directory = try directory(of: part)
    let quoted = "'\(directory.replacing("'", with: "'\\''"))'"
    let words = command.replacing(BaselineSource.directoryMark, with: quoted)
    try run("/bin/sh", ["-c", words], "the command of the source")
    try settle(part)
    // Where that lies below the top, its server comes through that too.
    if let data = try DataDirectories(of: try store.tree(part)).find().first {
      let attributes = try branch.attributes(of: try branch.lookup(data))
      try giveTop(of: branch, to: (attributes.userID, attributes.groupID))
    }
    return Brought(byteCount: try store.usage([part]).first?.logicalByteCount ?? 0)
  }

  private func giveTop(
    of branch: Branch, to owner: (user: UInt32, group: UInt32)
  ) throws(StoreError) {
    try branch.setAttributes(
      of: .root,
      AttributeChanges(permissions: 0o700, userID: owner.user, groupID: owner.group))
  }

  /// Programs that ask the origin's server.
  func client(_ service: String) throws(StoreError) -> ServiceClient {
    try refresh.refresher.client(service, refresh.supervisor, while: refresh.isWanted)
  }

  /// Where a part is mounted.
  func directory(of part: String) throws(StoreError) -> String {
    guard let mount = refresh.refresher.doors.mounts.first else {
      throw StoreError(
        .unavailable, "the store is not mounted", object: store.directory,
        remedy: "mount it with `coppice mount DIR`")
    }
    return "\(mount.directory)/\(part)"
  }

  /// What was written through the mount is the branch's, durably.
  func settle(_ part: String) throws(StoreError) {
    try refresh.refresher.doors.writeDirtyPages(of: part)
    try store.branch(part).flush()
  }

  /// Runs a program of the store's owner to its end. Throws `unavailable` with its last words.
  func run(_ program: String, _ arguments: [String], _ shown: String) throws(StoreError) {
    let end: ProcessEnd
    let words: String
    do throws(SystemError) {
      let running = try StreamingProgram(
        program, arguments, as: owner, inheriting: ServiceClient.variables)
      defer { running.end() }
      try running.passOver(while: refresh.isWanted)
      end = try running.wait()
      words = running.lastWords
    } catch {
      throw StoreError(error, while: "running \(shown)")
    }
    guard end != .exited(0) else { return }
    throw StoreError(
      .unavailable, "\(shown) failed: \(words)", object: baseline.name,
      remedy: "run it by hand as \(HostUser.name(of: owner))")
  }
}
