internal import Coppice
internal import CoppicePostgreSQL

/// The data directory of a branch, as far as a server that is to work on it must be told.
struct Cluster {
  let directory: BranchPath
  let major: MajorVersion
  let control: ControlFile
  /// Whose the data directory is in the branch.
  let userID, groupID: UInt32
  /// The cluster's first superuser; more than one name where it was renamed, the newest first.
  let administrators: [String]
  /// The origin's configuration, each file beaten by those behind it.
  let settingsFiles: [SettingsFile]

  private static let fileByteCountMax = 1 << 20

  /// Reads the data directory; without a path the branch's only one.
  ///
  /// Throws `notFound` where there is none, `conflict` where there are several, `unsupportedFormat`
  /// and `corrupt` for what no server here could work on.
  init(of branch: Branch, at path: String?) throws(StoreError) {
    let name = branch.name
    if let path {
      directory = try BranchPath(escaped: path)
    } else {
      directory = try Self.only(of: branch)
    }
    let top = try branch.lookup(directory)
    let place = directory.components.isEmpty ? name : "\(name):\(directory)"
    func content(_ path: String) throws(StoreError) -> [UInt8]? {
      var file = top
      for part in path.split(separator: "/") {
        guard let found = try branch.lookupIfPresent(try FileName("\(part)"), in: file) else {
          return nil
        }
        file = found.file
      }
      guard try branch.attributes(of: file).kind == .regular else { return nil }
      return try branch.read(file, byteCount: Self.fileByteCountMax)
    }
    guard try DataDirectory.isThere(top, in: branch),
      let version = try content("PG_VERSION"), let controlBytes = try content(ControlFile.path)
    else { throw Self.missing(place) }
    guard let major = MajorVersion(versionFile: version) else {
      throw StoreError(
        .corrupt, "its file PG_VERSION names no version", object: place,
        remedy: "bring the file back from where the data directory came from")
    }
    self.major = major
    control = try ControlFile(controlBytes, of: major, at: "\(place)/\(ControlFile.path)")
    let attributes = try branch.attributes(of: top)
    (userID, groupID) = (attributes.userID, attributes.groupID)
    let roles = try content("global/\(BootstrapRole.mapName)").flatMap(BootstrapRole.fileName)
    let names = try roles.flatMap { file throws(StoreError) in try content("global/\(file)") }
      .map(BootstrapRole.names)
    guard let names, !names.isEmpty else {
      throw StoreError(
        .corrupt, "its table of roles names no first superuser", object: place,
        remedy: "verify the origin with pg_amcheck, and fork it again")
    }
    administrators = names.reversed()
    var files: [SettingsFile] = []
    for file in ["postgresql.conf", "postgresql.auto.conf"] {
      if let bytes = try content(file) { files.append(SettingsFile(bytes)) }
    }
    settingsFiles = files
  }

  private static func only(of branch: Branch) throws(StoreError) -> BranchPath {
    let found = try DataDirectories(of: branch).find()
    guard let first = found.first else { throw missing(branch.name) }
    guard found.count == 1 else {
      let list = found.prefix(5).map { "\($0)" }.joined(separator: ", ")
      throw StoreError(
        .conflict, "it has \(found.count) data directories: \(list)", object: branch.name,
        remedy: "fork a branch that has one")
    }
    return first
  }

  private static func missing(_ place: String) -> StoreError {
    StoreError(
      .notFound, "it has no data directory of PostgreSQL", object: place,
      remedy: "import one first: `coppice import DIR BRANCH`")
  }

  /// Whether the server before ended as it should; else the next one recovers first.
  var isShutDown: Bool { control.state == .shutDown }

  /// Takes away what a copy must not have of its origin: the number of a process, orders to go on
  /// reading its log, and slots that hold log for those who read the origin's. Durable on return.
  func clearTraces(of branch: Branch) throws(StoreError) {
    let top = try branch.lookup(directory)
    for name: FileName in ["postmaster.pid", "standby.signal", "recovery.signal"] {
      guard let entry = try branch.lookupIfPresent(name, in: top) else { continue }
      try Self.removeAll(entry, in: top, of: branch)
    }
    if let slots = try branch.lookupIfPresent("pg_replslot", in: top) {
      guard slots.kind == .directory else {
        throw StoreError(
          .invalid, "its pg_replslot is no directory", object: branch.name,
          remedy: "make it one, or reset the branch")
      }
      for slot in try branch.readDirectory(slots.file) {
        try Self.removeAll(slot, in: slots.file, of: branch)
      }
    }
    try branch.flush()
  }

  /// Takes away what a server writes for its next session in the database in which Coppice works:
  /// there is none until it starts again, when it writes that anew, and it is a third of what a
  /// new branch would store. Of no consequence where it fails.
  func removeAdministrativeCache(of branch: Branch) {
    // The number that `template1` has in every cluster.
    let place = directory.appending("base").appending("1")
    guard let folder = try? branch.lookup(place) else { return }
    try? branch.remove("pg_internal.init", in: folder)
  }

  /// Removes a name, and of a directory all below it.
  static func removeAll(
    _ entry: DirectoryEntry, in directory: FileID, of branch: Branch
  ) throws(StoreError) {
    guard entry.kind == .directory else { return try branch.remove(entry.name, in: directory) }
    try branch.removeTree(entry.name, in: directory)
  }

  /// What a server writes into its data directory when it takes connections.
  static func isReady(_ branch: Branch, _ directory: BranchPath) -> Bool {
    do throws(StoreError) {
      let top = try branch.lookup(directory)
      guard let file = try branch.lookupIfPresent(DataDirectory.processFile, in: top) else {
        return false
      }
      let lines = try branch.read(file.file, byteCount: 4096).split(
        separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      return lines.count > 7 && lines[7].starts(with: "ready".utf8)
    } catch {
      // It is being written, or goes: the next look sees it.
      return false
    }
  }
}
