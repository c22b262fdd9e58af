internal import CoppiceErrors
internal import CoppicePlatform

/// Which programs a launcher starts: PostgreSQL's, from its directories, and with privileges only
/// those that nobody but root can change or replace.
struct ProgramCheck {
  /// Programs that work on a data directory, and the one that asks a server.
  static let names: Set<String> = [
    "postgres", "initdb", "pg_resetwal", "pg_controldata", "pg_verifybackup", "psql",
  ]

  let directories: [String]
  let isPrivileged: Bool

  func check(_ program: String) throws(StoreError) {
    guard let path = PlainPath(program), let folder = path.parent, let name = path.names.last,
      directories.contains(where: { $0.hasBytes(of: folder.text) })
    else {
      throw StoreError(
        .denied, "lies in no directory whose programs the server may start", object: program,
        remedy: "give the server its directory by --pg-programs")
    }
    guard Self.names.contains(name) else {
      throw StoreError(
        .denied, "is no program that instances need", object: program,
        remedy: "name one of \(Self.names.sorted().joined(separator: ", "))")
    }
    let status = try status(of: program, isDirectory: false)
    guard status.kind == .regular, status.permissions & 0o111 != 0 else {
      throw StoreError(
        .invalid, "is no program", object: program, remedy: "install PostgreSQL's server again")
    }
    guard isPrivileged else { return }
    try checkIsRootOnly(status, program, isFolder: false)
    var place: PlainPath? = folder
    while let directory = place {
      try checkIsRootOnly(
        try self.status(of: directory.text, isDirectory: true), directory.text,
        isFolder: directory != folder)
      place = directory.parent
    }
  }

  /// - Parameter isFolder: whether it is enough that others cannot rename what root has in it.
  private func checkIsRootOnly(
    _ status: HostStatus, _ path: String, isFolder: Bool
  ) throws(StoreError) {
    let isSticky = isFolder && status.permissions & 0o1000 != 0
    guard status.user == 0, status.permissions & 0o022 == 0 || isSticky else {
      throw StoreError(
        .denied, "others than root may change it, and so what is started as any user",
        object: path, remedy: "have it belong to root, and take group's and others' right to write")
    }
  }

  private func status(of path: String, isDirectory: Bool) throws(StoreError) -> HostStatus {
    do throws(SystemError) {
      return try StrictPath.open(path, isDirectory: isDirectory).status()
    } catch {
      if error.isDetour {
        throw StoreError(
          .denied, "there is a symbolic link on the way to it", object: path,
          remedy: "give the server the path that 'realpath' tells", cause: error.description)
      }
      throw StoreError(
        error.isMissing || error.isNotDirectory ? .notFound : .unavailable,
        "cannot be started", object: path,
        remedy: "install that version of PostgreSQL's server", cause: error.description)
    }
  }
}
