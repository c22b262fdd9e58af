internal import Coppice
internal import CoppiceInstances
internal import CoppiceLifecycle
internal import CoppicePlatform
internal import CoppicePostgreSQL

/// Single steps of a refresh, for clusters that are no baseline's.
extension BaselineRefresher {
  /// Makes a snapshot of a branch or snapshot with its cluster prepared. Neither changes.
  ///
  /// Throws as a refresh does; `conflict` when there is a snapshot of that name.
  func prepare(
    _ reference: String, as snapshot: String, _ preparation: BaselinePreparation, _ asked: Asked
  ) throws(StoreError) -> PreparedCluster {
    let branch = try EntryName.validate(snapshot: snapshot)
    _ = try store.branch(branch)
    if try store.entries(in: .named).contains(where: { $0.name.hasBytes(of: snapshot) }) {
      throw StoreError(
        .conflict, "there is a snapshot of that name", object: snapshot,
        remedy: "choose another name", reason: .exists)
    }
    let options = try PreparationOptions(preparation)
    return try onFork(of: reference, for: branch, asked) { part, supervisor throws(StoreError) in
      let work = asked.work
      let prepared = try supervisor.prepare(part, options, while: { !work.isCancelled }) {
        step throws(StoreError) in
        work.tell?(.step(StepProgress(step: step)))
      }
      try createSnapshot(snapshot, of: part, for: branch, asked)
      return prepared
    }
  }

  /// Makes a snapshot of what a part shows.
  ///
  /// The part itself has more for as long as the kernel knows files of it that are removed: a fork
  /// begins without them.
  func createSnapshot(
    _ snapshot: String, of part: String, for name: String, _ asked: Asked,
    annotations: [AnnotationChange] = []
  ) throws(StoreError) {
    let clean = newPartName(name, "clean")
    try store.createBranch(clean, from: part, annotations: [BaselineRegistry.part(of: name)])
    defer { deletePart(clean) }
    // It is opened, by which it loses them.
    try store.branch(clean).flush()
    try store.createSnapshot(
      snapshot, of: clean, terms: EntryTerms(owner: asked.principal.knownName),
      annotations: annotations)
  }

  /// What is found in a cluster that is to be a source of branches, by asking its server, or one of
  /// our own on a fork.
  func check(_ source: String, _ asked: Asked) throws(StoreError) -> [ClusterFinding] {
    let supervisor = try instances.supervisor()
    if source.utf8.starts(with: "postgres:".utf8),
      case .postgres(let service) = try BaselineSource(source)
    {
      return try ServiceCheck.findings(
        try client(service, supervisor) { [work = asked.work] in !work.isCancelled }, supervisor)
    }
    let links = try ForkPlan(
      of: try store.moment(of: source), as: source, mounts: doors.mounts.map(\.directory)
    ).outwardPaths
    guard links.isEmpty else { return [ClusterFinding(.tablespaces, links)] }
    return try onFork(
      of: source, for: EntryName.isSnapshot(source) ? BaselineSnapshots.branch(of: source) : source,
      asked
    ) {
      part, supervisor throws(StoreError) in
      let work = asked.work
      return try supervisor.work(
        on: part, waitSeconds: PreparationOptions().recoverySeconds,
        while: { !work.isCancelled }
      ) { server throws(StoreError) in
        try server.findings(on: supervisor.machine(for: server.major))
      }
    }
  }

  func client(
    _ service: String, _ supervisor: InstanceSupervisor,
    while isWanted: @escaping @Sendable () -> Bool
  ) throws(StoreError) -> ServiceClient {
    ServiceClient(
      service: service, owner: owner, programs: try supervisor.newestPrograms(),
      isWanted: isWanted)
  }

  /// Whose files and programs on this machine sources are: the store's.
  var owner: UInt32 {
    (try? HostDirectory(path: store.directory).status().user) ?? HostProcess.user
  }

  /// Runs `body` on a fork that is gone afterwards.
  private func onFork<Result>(
    of reference: String, for name: String, _ asked: Asked,
    _ body: (_ part: String, InstanceSupervisor) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    let supervisor = try instances.supervisor()
    try doors.writeDirtyPages(of: reference)
    let part = newPartName(name, "work")
    try store.createBranch(
      part, from: reference, annotations: [BaselineRegistry.part(of: name)])
    defer { deletePart(part) }
    let mounts = doors.mounts.map(\.directory)
    do throws(StoreError) {
      try ForkPlan(of: try store.tree(part), as: part, mounts: mounts).refuseOutwardLinks()
      return try body(part, supervisor)
    } catch {
      throw Self.named(error, part, as: reference)
    }
  }

  /// What is said of a part, which is gone by then, is said of what it was made for.
  static func named(_ error: StoreError, _ part: String, as name: String) -> StoreError {
    let rest = error.object.utf8.dropFirst(part.utf8.count)
    guard error.object.utf8.starts(with: part.utf8),
      rest.first.map({ "/:".utf8.contains($0) }) ?? true
    else { return error }
    var named = error
    named.object = name + (String(rest) ?? "")
    return named
  }

  /// The name of a part of something, which none had before: what a program of an earlier one goes
  /// on writing reaches no later one.
  func newPartName(_ name: String, _ purpose: String) -> String {
    let stem = String(
      decoding: name.utf8.prefix(EntryName.byteCountMax - 40), as: UTF8.self)
    return "\(stem).\(purpose)-\(String(UInt64.random(in: .min ... .max), radix: 36))"
  }

  /// A name that no entry has, with a number behind it where it is taken.
  func freeName(_ name: String, _ mark: String) throws(StoreError) -> String {
    let taken = Set(try store.entries(in: .named).map { Array($0.name.utf8) })
    var number = 1
    while true {
      let free = number == 1 ? name : "\(name)\(mark)\(number)"
      if !taken.contains(Array(free.utf8)) { return free }
      number += 1
    }
  }
}
