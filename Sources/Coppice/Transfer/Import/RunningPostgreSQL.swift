internal import CoppiceEngine
internal import CoppicePlatform

/// Finds out whether a PostgreSQL server works on a data directory: a copy of its files would be
/// torn.
///
/// The server keeps `postmaster.pid` with its process number in the first line, and has the data
/// directory as its working directory. A file that a killed server left names no such process.
enum RunningPostgreSQL {
  private static let pidFile = Array("postmaster.pid".utf8)
  private static let versionFile = Array("PG_VERSION".utf8)

  /// Whether these names in a directory belong to a data directory that may be running.
  static func isCandidate(_ names: [[UInt8]]) -> Bool {
    names.contains(pidFile) && names.contains(versionFile)
  }

  /// Throws `inUse` with the way to copy a running server when one works on `directory`.
  static func refuse(_ directory: HostDirectory) throws(StoreError) {
    guard let lines = try lines(of: directory), let number = Int(lines.first ?? ""),
      try isAlive(process: abs(number), in: directory)
    else { return }
    // Lines: process, data directory, start time, port, socket directory.
    let port = lines.count > 3 ? " -p \(lines[3])" : ""
    let host = lines.count > 4 && !lines[4].isEmpty ? " -h \(lines[4])" : ""
    throw StoreError(
      .inUse, "a PostgreSQL server is running on this data directory (process \(abs(number)))",
      object: directory.path,
      remedy: "stop it, or import a consistent copy of it: "
        + "pg_basebackup\(host)\(port) -Ft -X fetch -D - | coppice import --tar - BRANCH")
  }

  private static func lines(of directory: HostDirectory) throws(StoreError) -> [String]? {
    var bytes = [UInt8](repeating: 0, count: 4096)
    do throws(SystemError) {
      let file = try directory.openFile(pidFile)
      let count = try bytes.withUnsafeMutableBufferPointer { buffer throws(SystemError) in
        try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: 0)
      }
      return String(decoding: bytes[..<count], as: UTF8.self)
        .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    } catch {
      // A server that stops meanwhile removes the file.
      if error.isMissing { return nil }
      throw StoreError(reading: error, object: directory.path + "/postmaster.pid")
    }
  }

  /// Whether the process lives and works in `directory`. One whose working directory may not be
  /// looked at counts as the server.
  private static func isAlive(
    process: Int, in directory: HostDirectory
  ) throws(StoreError) -> Bool {
    let place = try reading(directory.path) { () throws(SystemError) in try directory.status() }
    do throws(SystemError) {
      let working = try HostDirectory(path: "/proc/\(process)/cwd").status()
      return working.device == place.device && working.inode == place.inode
    } catch {
      return error.isDenied
    }
  }
}
