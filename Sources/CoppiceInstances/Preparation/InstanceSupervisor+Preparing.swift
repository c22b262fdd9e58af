package import Coppice
internal import CoppicePlatform
internal import CoppicePostgreSQL

extension InstanceSupervisor {
  /// The most files that the log of a prepared cluster has: the one that is written and the next.
  private static let logFileCountMax = 2

  /// Makes the cluster of a branch fit to be branched: recovered and ended in order, without what
  /// its origin began with others, without the origin's configuration and secrets, its pages
  /// frozen. A server on a fork of it starts at once.
  ///
  /// What fails leaves the branch somewhere in between: prepare a fork, and delete it then. Durable
  /// on return.
  ///
  /// Throws `notFound` and `conflict` for what is no cluster of a known version, or does not fit
  /// here; `invalid` for statements that the server refuses; `unavailable` with its last words.
  /// - Parameter tell: told of each step as it begins.
  package func prepare(
    _ name: String, _ options: PreparationOptions, while isWanted: @escaping @Sendable () -> Bool,
    tell: (String) throws(StoreError) -> Void = { _ in }
  ) throws(StoreError) -> PreparedCluster {
    let branch = try store.branch(name)
    let cluster = try Cluster(of: branch, at: nil)
    var prepared = PreparedCluster(
      major: cluster.major.number, systemIdentifier: "\(cluster.control.systemIdentifier)",
      timeline: 0, checkpoint: "", isRecovered: !cluster.isShutDown, leftOut: [], rolledBack: [],
      subscriptions: [], roles: [], userMappingCount: 0, frozenCount: 0)
    let settings = OriginSettings(
      cluster.settingsFiles, names: try settingNames(try programs.programs(of: cluster.major)))
    prepared.leftOut = try cluster.clear(branch, nil)
    try cluster.write(try settings.kept(), for: branch)
    try tell("recover")
    var relations: RelationFiles
    (prepared, relations) = try work(
      on: name, waitSeconds: options.recoverySeconds, while: isWanted
    ) { server throws(StoreError) in
      var work = ClusterPreparation(server: server, options: options, prepared: prepared)
      try work.run(tell)
      return (work.prepared, work.relations)
    }
    prepared.leftOut += try cluster.clear(branch, relations).filter {
      !prepared.leftOut.contains($0)
    }
    try cluster.write(try settings.kept(), for: branch)
    try verifyLog(of: cluster, in: branch)
    let control = try Cluster(of: branch, at: cluster.directory.description).control
    prepared.timeline = Int(control.timeline)
    prepared.checkpoint = "\(control.checkpoint)"
    try branch.flush()
    return prepared
  }

  private func verifyLog(of cluster: Cluster, in branch: Branch) throws(StoreError) {
    let top = try branch.lookup(cluster.directory)
    let log = try branch.lookup("pg_wal", in: top)
    let count = try branch.readDirectory(log.file).count { $0.kind == .regular }
    guard count > Self.logFileCountMax else { return }
    throw StoreError(
      .unavailable, "its log has \(count) files after the last checkpoint", object: branch.name,
      remedy: "prepare it again")
  }
}

extension Cluster {
  /// Takes away all of the data directory that is its origin's and of no use to a copy. Returns
  /// what lay there besides what every cluster has, by paths.
  ///
  /// - Parameter relations: as `ClusterFiles.fate` takes them.
  fileprivate func clear(
    _ branch: Branch, _ relations: RelationFiles?
  ) throws(StoreError) -> [String] {
    var left: [String] = []
    try clear(try branch.lookup(directory), [], of: branch, relations, &left)
    return left
  }

  private func clear(
    _ directory: FileID, _ path: [String], of branch: Branch, _ relations: RelationFiles?,
    _ left: inout [String]
  ) throws(StoreError) {
    for entry in try branch.readDirectory(directory) {
      let path = path + ["\(entry.name)"]
      let isDirectory = entry.kind == .directory
      let fate = ClusterFiles.fate(of: path, isDirectory: isDirectory, relations)
      guard fate != .kept else {
        if isDirectory { try clear(entry.file, path, of: branch, relations, &left) }
        continue
      }
      if fate == .foreign { left.append(path.joined(separator: "/")) }
      try Self.removeAll(entry, in: directory, of: branch)
    }
  }

  /// Gives the data directory a configuration of its own, with what is to go on as in the origin.
  fileprivate func write(_ settings: [Setting], for branch: Branch) throws(StoreError) {
    let top = try branch.lookup(directory)
    let text =
      "# Of the origin's settings, those by which statements mean and cost the same.\n"
      + settings.map(\.line).joined()
    try branch.transaction { changes throws(StoreError) in
      // By which a server starts on an export too, and lets in whoever owns its files.
      let access = "# Instances have rules of their own.\nlocal all all peer\n"
      for (name, text) in [
        ("postgresql.conf" as FileName, text), ("postgresql.auto.conf", ""),
        ("pg_hba.conf", access), ("pg_ident.conf", ""),
      ] {
        let file = try changes.createFile(
          name, in: top, NewFile(permissions: 0o600, userID: userID, groupID: groupID)
        ).file
        try changes.write(file, at: 0, Array(text.utf8))
      }
    }
  }
}
