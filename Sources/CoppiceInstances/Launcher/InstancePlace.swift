internal import CoppiceErrors
internal import CoppicePlatform

/// Where an instance works: its branch, its run directory and what it may read, all opened, and
/// found to be what an instance of that user may have.
struct InstancePlace {
  let branchPath: PlainPath
  let branch: HostFile
  let runPath: PlainPath
  let runDirectory: HostFile
  let readOnly: [(path: PlainPath, file: HostFile)]

  /// - Parameters:
  ///   - identity: the instance's user and group.
  ///   - launcher: the user that the launcher is.
  init(
    _ launch: Launch, _ settings: LauncherSettings, _ identity: ProgramStart.Identity,
    launcher: UInt32
  ) throws(StoreError) {
    guard let mountPath = settings.mountDirectory.flatMap({ PlainPath($0) }) else {
      throw StoreError(
        .unavailable, "the store is not mounted", object: launch.data,
        remedy: "mount it with 'coppice mount DIR'")
    }
    let dataPath = try Self.plain(launch.data)
    let mount = try ConfinedDirectory(mountPath, "the mount")
    let data = try mount.open(dataPath, "the data directory", isDirectory: true)
    let owner = try ConfinedDirectory.status(of: data).user
    guard owner == identity.user else {
      throw StoreError(
        .denied, "belongs to the user number \(owner), not to the instance's, \(identity.user)",
        object: launch.data, remedy: "start it under the number that owns it")
    }
    branchPath = try Self.plain("\(mountPath.text)/\(dataPath.names[mountPath.names.count])")
    branch = try mount.open(branchPath, "the branch", isDirectory: true)

    let trusted: Set<UInt32> = [0, launcher, settings.owner]
    let runs = try Self.runs(settings, trusted)
    runPath = try Self.plain(launch.runDirectory)
    runDirectory = try runs.open(runPath, "the run directory", isDirectory: true)
    try Self.give(runDirectory, to: identity, trusted, launcher: launcher)
    var readOnly: [(path: PlainPath, file: HostFile)] = []
    for path in launch.readOnlyPaths {
      let path = try Self.plain(path)
      let file = try runs.open(path, "what the instance reads", isDirectory: false)
      let isTrusted = Self.isTrusted(try ConfinedDirectory.status(of: file), trusted)
      guard isTrusted, !path.overlaps(runPath) else {
        throw StoreError(
          .denied, "the instance may change what it should only read", object: path.text,
          remedy: "put it beside \(runPath.text), for its owner alone to write to")
      }
      readOnly.append((path, file))
    }
    self.readOnly = readOnly
  }

  private static func plain(_ path: String) throws(StoreError) -> PlainPath {
    if let plain = PlainPath(path), !plain.names.isEmpty { return plain }
    throw StoreError(
      .invalid, "is no path from the top", object: path,
      remedy: "name it as 'realpath' does")
  }

  private static func runs(
    _ settings: LauncherSettings, _ trusted: Set<UInt32>
  ) throws(StoreError) -> ConfinedDirectory {
    let runs = try ConfinedDirectory(try plain(settings.runDirectory), "the server's directory")
    guard isTrusted(try runs.status(), trusted) else {
      throw StoreError(
        .denied, "others than the server may change what instances get", object: runs.path.text,
        remedy: "have it belong to root, and take group's and others' right to write")
    }
    return runs
  }

  private static func isTrusted(_ status: HostStatus, _ trusted: Set<UInt32>) -> Bool {
    trusted.contains(status.user) && status.permissions & 0o022 == 0
  }

  /// Has the run directory belong to the instance.
  private static func give(
    _ directory: HostFile, to identity: ProgramStart.Identity, _ trusted: Set<UInt32>,
    launcher: UInt32
  ) throws(StoreError) {
    let owner = try ConfinedDirectory.status(of: directory).user
    if owner == identity.user { return }
    guard trusted.contains(owner), launcher == 0 else {
      throw StoreError(
        .denied, "the run directory belongs to the user number \(owner)", object: directory.path,
        remedy: "make one for this instance")
    }
    do throws(SystemError) {
      try directory.give(toUser: identity.user, group: identity.group)
    } catch {
      throw StoreError(error, opening: "the run directory", directory.path)
    }
  }
}
