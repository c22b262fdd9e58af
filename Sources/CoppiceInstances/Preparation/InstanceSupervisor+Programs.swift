package import Coppice
internal import CoppicePlatform
package import CoppicePostgreSQL
internal import Synchronization

/// Programs of PostgreSQL that work on a data directory without a server, as an instance would.
extension InstanceSupervisor {
  private static let outputByteCountMax = 1 << 14

  /// Makes an empty cluster of an empty branch, with checksums, in UTF-8 and the locale `C.UTF-8`.
  ///
  /// Throws `notFound` without programs of that version, `unavailable` with the program's words.
  /// - Parameter superuser: the name of its first one.
  package func makeCluster(
    in name: String, _ major: MajorVersion, superuser: String,
    while isWanted: @escaping @Sendable () -> Bool
  ) throws(StoreError) {
    try operate(on: name) { branch, instance throws(StoreError) in
      let owner = try branch.attributes(of: .root)
      let complaint = try run(
        "initdb",
        [
          "--username=\(superuser)", "--auth=reject", "--encoding=UTF8", "--locale=C.UTF-8",
          "--data-checksums", "--no-sync", "--pgdata",
        ],
        try programs.programs(of: major), on: branch, instance, at: "\(mount.directory)/\(name)",
        owner: (owner.userID, owner.groupID), while: isWanted)
      if let complaint {
        throw StoreError(
          .unavailable, "initdb failed: \(complaint)", object: name,
          remedy: "install PostgreSQL \(major)'s server again")
      }
      try branch.flush()
    }
  }

  /// Compares the files of a base backup with its manifest. Says whether it has one.
  ///
  /// Throws `corrupt` with the first differences.
  package func verifyBackup(
    _ name: String, while isWanted: @escaping @Sendable () -> Bool
  ) throws(StoreError) -> Bool {
    try operate(on: name) { branch, instance throws(StoreError) in
      let cluster = try Cluster(of: branch, at: nil)
      let top = try branch.lookup(cluster.directory)
      guard
        let manifest = try branch.lookupIfPresent(try FileName(BackupManifest.name), in: top)
      else { return false }
      // In a stream the file belongs to nobody: its program is not the server.
      try branch.setAttributes(
        of: manifest.file, AttributeChanges(userID: cluster.userID, groupID: cluster.groupID))
      // The log is looked at by whoever recovers.
      let differences = try run(
        "pg_verifybackup", ["--no-parse-wal", "--quiet"],
        try programs.programs(of: cluster.major), on: branch, instance,
        at: place(of: cluster, in: branch), owner: (cluster.userID, cluster.groupID),
        while: isWanted)
      guard let differences else { return true }
      throw StoreError(
        .corrupt, "the files are not those of the backup's manifest: \(differences)",
        object: name, remedy: "take the backup again")
    }
  }

  /// Runs a program to its end. Returns its last words when it failed by itself.
  ///
  /// Throws `unavailable` when something else ended it.
  /// - Parameters:
  ///   - arguments: behind them comes the data directory.
  ///   - owner: whose that is, as stored.
  private func run(
    _ program: String, _ arguments: [String], _ programs: ServerPrograms, on branch: Branch,
    _ instance: RunningInstance, at data: String, owner: (user: UInt32, group: UInt32),
    while isWanted: @escaping @Sendable () -> Bool
  ) throws(StoreError) -> String? {
    let user = try workingUser(of: branch)
    mount.show(
      entry: branch.id, storedUserID: owner.user, storedGroupID: owner.group, asUserID: user)
    let directory = try InstanceDirectory(store: store.identifier, entry: branch.id, user: user)
    defer {
      leave(branch.id)
      InstanceDirectory.remove(store: store.identifier, entry: branch.id)
    }
    let ending = Mutex<ProcessEnd?>(nil)
    let process = try launcher.start(
      Launch(
        program: programs.path(of: program), arguments: arguments + [data],
        environment: ["PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "LC_ALL": "C", "HOME": "/tmp"],
        isolation: launcher.isolation, userID: user, groupID: user, data: data,
        runDirectory: directory.runDirectory)
    ) { end in ending.withLock { $0 = end } }
    let output = try Self.output(of: process, program, while: isWanted)
    while ending.withLock({ $0 == nil }) { Pause().wait(nanoseconds: 2_000_000) }
    let end = ending.withLock { $0 } ?? .unknown
    if end == .exited(0) { return nil }
    let words = output.split(separator: "\n").suffix(3).joined(separator: "; ")
    guard case .exited = end else {
      throw StoreError(
        .unavailable, "\(program) \(end)", object: branch.name, remedy: "try again",
        cause: words.isEmpty ? nil : words)
    }
    return words
  }

  /// A number that no instance has.
  private func workingUser(of branch: Branch) throws(StoreError) -> UInt32 {
    guard launcher.isolation != .none, let users = options.users else { return HostProcess.user }
    let foreign = foreignUserIDs(besides: nil, of: instance(branch.id))
    numbering.lock()
    defer { numbering.unlock() }
    let user = try InstanceSetup.number(
      in: users, besides: try userIDs(besides: branch.id).union(foreign))
    instance(branch.id).withStatus { $0.userID = user }
    return user
  }

  /// The end of what a program prints, once it has ended. It is killed when nobody wants it.
  private static func output(
    of process: LaunchedProcess, _ program: String, while isWanted: () -> Bool
  ) throws(StoreError) -> String {
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1)
    while true {
      do throws(SystemError) {
        let count = try buffer.withUnsafeMutableBufferPointer { buffer throws(SystemError) in
          try process.log.readNext(
            into: UnsafeMutableRawBufferPointer(buffer), while: isWanted)
        }
        guard count > 0 else { return String(decoding: output, as: UTF8.self) }
        output += buffer
        if output.count > outputByteCountMax { output.removeFirst(outputByteCountMax / 2) }
      } catch {
        process.signal(.kill)
        guard error.isCancelled else { return String(decoding: output, as: UTF8.self) }
        throw StoreError(.unavailable, "was called off", object: program)
      }
    }
  }
}
