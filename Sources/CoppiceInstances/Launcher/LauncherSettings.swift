package import CoppiceErrors
internal import CoppicePlatform

/// What a launcher serves, from its start on: no request can change it.
package struct LauncherSettings: Hashable, Sendable {
  /// User and group numbers that instances may have; `nil` for a launcher without privileges.
  package var users: UserRange?
  /// The user of the store.
  package var owner: UInt32
  /// His name, by which instances know him besides root; `nil` when he has none.
  package var ownerName: String?
  /// Where the store is mounted. Data directories lie below it.
  package var mountDirectory: String?
  /// Where servers have files of their own: what is made for an instance lies below it.
  package var runDirectory: String
  /// Directories with programs of PostgreSQL.
  package var programDirectories: [String]
  /// It gives no more than that, whatever it could.
  package var isolationMax: Isolation

  package init(
    users: UserRange?, owner: UInt32, ownerName: String?, mountDirectory: String?,
    runDirectory: String,
    programDirectories: [String], isolationMax: Isolation = .full
  ) {
    self.users = users
    self.owner = owner
    self.ownerName = ownerName
    self.mountDirectory = mountDirectory
    self.runDirectory = runDirectory
    self.programDirectories = programDirectories
    self.isolationMax = isolationMax
  }

  /// As the command `coppice launcher` takes them.
  var arguments: [String] {
    var arguments = [
      "launcher", "--owner", "\(owner)", "--run", runDirectory, "--isolation",
      isolationMax.rawValue,
    ]
    if let ownerName { arguments += ["--owner-name", ownerName] }
    if let users { arguments += ["--users", users.description] }
    if let mountDirectory { arguments += ["--mount", mountDirectory] }
    for directory in programDirectories { arguments += ["--programs", directory] }
    return arguments
  }

  /// Throws `invalid` for directories that are not named from the top, and for a name that no user
  /// can have.
  package func check() throws(StoreError) {
    for path in programDirectories + [runDirectory] + (mountDirectory.map { [$0] } ?? []) {
      guard let plain = PlainPath(path), !plain.names.isEmpty else {
        throw StoreError(
          .invalid, "is no path from the top of a directory", object: path,
          remedy: "name it as 'realpath' does")
      }
    }
    if let ownerName,
      ownerName.isEmpty || ownerName.utf8.contains(where: { $0 <= 0x20 || $0 == UInt8(ascii: ":") })
    {
      throw StoreError(
        .invalid, "is no name of a user", object: ownerName, remedy: "leave the name away")
    }
  }
}
