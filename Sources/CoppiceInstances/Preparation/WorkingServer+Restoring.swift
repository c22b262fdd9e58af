package import Coppice
internal import CoppiceEngine
package import CoppicePlatform
internal import CoppicePostgreSQL

extension WorkingServer {
  /// Starts psql with statements that are somebody's.
  ///
  /// A script can have it start programs. So it runs under the number that the server has, which
  /// reaches the files of this branch alone, and reaches nobody but the server.
  /// - Parameter isStopping: whether it ends at the first that fails.
  package func startClient(
    in database: String, reading statements: HostFile, isStopping: Bool
  ) throws(StoreError) -> StreamingProgram {
    let quoted = database.replacing("\\", with: "\\\\").replacing("'", with: "\\'")
    do throws(SystemError) {
      return try StreamingProgram(
        programs.path(of: "psql"),
        [
          "--no-psqlrc", "--quiet", "--no-password",
          "--set", "ON_ERROR_STOP=\(isStopping ? 1 : 0)",
          "--host", socketDirectory, "--port", "\(port)", "--username", cluster.administrators[0],
          "--dbname", "dbname='\(quoted)'", "--output", "/dev/null", "--file", "-",
        ], as: userID, reading: statements, confinedTo: socketDirectory)
    } catch {
      throw StoreError(error, while: "starting psql")
    }
  }

  /// Makes a role that a dump names, and does not bring.
  package func makeRole(_ name: String) throws(StoreError) {
    try query(RestoreStatements.create(role: name), in: AccessFiles.administrativeDatabase)
  }

  /// Makes a database for a dump that names none, unless there is one.
  package func makeDatabase(_ name: String) throws(StoreError) {
    let known = try databases()
    if known.contains(where: { $0.name.hasBytes(of: name) }) { return }
    try query(RestoreStatements.create(database: name), in: AccessFiles.administrativeDatabase)
  }

  package func removeDatabase(_ name: String) throws(StoreError) {
    try query(RestoreStatements.drop(database: name), in: AccessFiles.administrativeDatabase)
  }

  /// Gives a database to whoever owns most of what is in it: so clients log in as that role.
  package func giveDatabaseToMainOwner(_ name: String) throws(StoreError) {
    let home = AccessFiles.administrativeDatabase
    let statement = RestoreStatements.mainOwner(besides: cluster.administrators[0])
    guard let owner = try query(statement, in: name).first?.first.flatMap({ $0 }) else { return }
    try query(RestoreStatements.give(database: name, to: owner), in: home)
  }
}
