internal import CoppicePlatform
package import CoppiceErrors
package import CoppicePostgreSQL
internal import Synchronization

/// Where programs of PostgreSQL are on this machine, and which of them may be started.
///
/// A server's programs run with the rights of whoever starts them, and hold a branch's data: so
/// only those count that nobody can replace but root, or another user that is trusted: the
/// program's file and each directory above it belong to such a user, and nobody else may write
/// there. What is found is kept as long as the file stays the same one.
package final class ProgramDirectories: Sendable {
  /// The distribution's place: one directory for each major version below it.
  package static let usualPlace = "/usr/lib/postgresql"

  /// What the launcher starts.
  private static let started = [
    "postgres", "initdb", "pg_resetwal", "pg_controldata", "pg_verifybackup",
  ]

  private let given: [String]
  private let usual: String
  private let trustedUsers: Set<UInt32>
  private let found = Mutex<[FileUser.Identity: ServerPrograms]>([:])

  /// - Parameters:
  ///   - given: directories with programs (`--pg-programs`); they go before the distribution's.
  ///   - usual: where the distribution has a directory for each version, `NUMBER/bin`.
  ///   - trustedUsers: who may own programs: root, and where this process can only start what its
  ///     own user could start anyway, that user.
  package init(
    given: [String] = [], usual: String = ProgramDirectories.usualPlace,
    trustedUsers: Set<UInt32> = [0]
  ) {
    self.given = given
    self.usual = usual
    self.trustedUsers = trustedUsers
  }

  /// The programs of a major version: those of the first directory that has them.
  ///
  /// Throws `notFound` when none are installed; `denied` for a given directory, or the
  /// distribution's of that version, in which others could replace programs; `invalid` for a given
  /// one without a server.
  package func programs(of major: MajorVersion) throws(StoreError) -> ServerPrograms {
    for directory in given {
      let programs = try programs(in: directory)
      if programs.major == major { return programs }
    }
    let place = "\(usual)/\(major)/bin"
    if Self.hasServer(place) {
      let programs = try programs(in: place)
      if programs.major == major { return programs }
    }
    let others = try all().map { "\($0.major)" }.joined(separator: ", ")
    throw StoreError(
      .notFound, "no programs of PostgreSQL \(major) are installed here", object: "\(major)",
      remedy: "install the Debian package postgresql-\(major), or name a directory with its "
        + "programs by --pg-programs"
        + (others.isEmpty ? "" : "; installed are those of \(others)"))
  }

  /// The programs that would be started of each major version, the oldest first. What may not be
  /// started counts as not there, unless it was given.
  package func all() throws(StoreError) -> [ServerPrograms] {
    var programs: [MajorVersion: ServerPrograms] = [:]
    for directory in given {
      let these = try self.programs(in: directory)
      if programs[these.major] == nil { programs[these.major] = these }
    }
    for directory in usualDirectories {
      guard let these = try? self.programs(in: directory) else { continue }
      if programs[these.major] == nil { programs[these.major] = these }
    }
    return programs.values.sorted { $0.major < $1.major }
  }

  /// Throws `invalid` and `denied` as `all` does for directories that were given, and looks at no
  /// others.
  package func verifyGiven() throws(StoreError) {
    for directory in given { _ = try programs(in: directory) }
  }

  private var usualDirectories: [String] {
    // A distribution's place that cannot be read has no programs.
    let names = (try? HostDirectory(path: usual).names()) ?? []
    return names.compactMap { Int(String(decoding: $0, as: UTF8.self)) }.sorted()
      .map { "\(usual)/\($0)/bin" }.filter(Self.hasServer)
  }

  private static func hasServer(_ directory: String) -> Bool {
    HostPath.resolved("\(directory)/postgres") != nil
  }

  /// Those in one directory: verified each time, asked for their version once.
  private func programs(in directory: String) throws(StoreError) -> ServerPrograms {
    guard let place = HostPath.resolved(directory),
      let program = HostPath.resolved("\(place)/postgres")
    else {
      throw StoreError(
        .invalid, "the directory has no program postgres", object: directory,
        remedy: "name a directory with programs of PostgreSQL by --pg-programs")
    }
    try verify(place)
    for name in Self.started {
      guard let file = HostPath.resolved("\(place)/\(name)") else { continue }
      try verify(file)
      try verify(HostPath.split(file).folder)
    }
    guard let identity = FileUser.Identity(of: program) else { throw Self.unreadable(program) }
    if let known = found.withLock({ $0[identity] }), known.directory == place { return known }
    let programs = try ServerPrograms.asked(in: place)
    found.withLock { $0[identity] = programs }
    return programs
  }

  /// Throws `denied` when another than the trusted users could change what lies at a path without
  /// symbolic links: there itself, or in a directory above. In one above that has the sticky bit,
  /// such as /tmp, others replace nothing that is not theirs.
  private func verify(_ path: String) throws(StoreError) {
    var place = path
    while true {
      let status: HostStatus
      do throws(SystemError) { status = try HostFile(locating: place).status() } catch {
        throw Self.unreadable(place)
      }
      guard trustedUsers.contains(status.user) else {
        throw StoreError(
          .denied, "user \(status.user), who owns this, could replace programs of PostgreSQL",
          object: place,
          remedy: "give it to root (chown root), or use the distribution's packages")
      }
      let isSticky = place != path && status.permissions & 0o1000 != 0
      guard status.permissions & 0o022 == 0 || isSticky else {
        throw StoreError(
          .denied, "others, who may write here, could replace programs of PostgreSQL",
          object: place,
          remedy: "take that from them (chmod go-w), or use the distribution's packages")
      }
      if place == "/" { return }
      place = HostPath.split(place).folder
    }
  }

  private static func unreadable(_ path: String) -> StoreError {
    StoreError(
      .unavailable, "cannot be looked at", object: path,
      remedy: "name a directory that can be read by --pg-programs")
  }
}
