internal import CoppicePlatform

/// Finds out whether a PostgreSQL server works on a data directory: a copy of its files would be
/// torn.
///
/// All processes of a server have the data directory as their working directory, whatever namespace
/// they live in. `postmaster.pid` proves nothing: its first line has the number that the server has
/// in its own namespace, and a killed server leaves the file behind.
package enum RunningPostgreSQL {
  /// Throws `inUse` with the way to copy a running server when one works on `directory`.
  static func refuse(_ directory: HostDirectory) throws(StoreError) {
    let lines = try lines(of: directory)
    guard let process = try process(in: directory, lines) else { return }
    // Lines: process, data directory, start time, port, socket directory.
    let port = lines.count > 3 ? " -p \(lines[3])" : ""
    let host = lines.count > 4 && !lines[4].isEmpty ? " -h \(lines[4])" : ""
    throw StoreError(
      .inUse, "a PostgreSQL server is running on this data directory (\(process))",
      object: directory.path,
      remedy: "stop it, or import a consistent copy of it: "
        + "pg_basebackup\(host)\(port) -c fast -Ft -X fetch -D - \(step: .importOutput)")
  }

  /// Whether a program of this name is a server; a shell in the directory is none.
  package static func isServer(_ name: String) -> Bool {
    ["postgres", "postmaster"].contains { name.contains($0) }
  }

  /// The process that works on the directory.
  private static func process(
    in directory: HostDirectory, _ lines: [String]
  ) throws(StoreError) -> String? {
    let place = try reading(directory.path) { () throws(SystemError) in
      try directory.status().identity
    }
    let users = FileUser.all(workingIn: place)
    if let user = users.first(where: { isServer($0.name) }) { return "process \(user.process)" }
    // Whose working directory may not be looked at is the server when its name says so.
    guard let number = Int32(lines.first ?? "").map({ abs($0) }),
      let user = FileUser.all().first(where: { $0.process == number }),
      user.workingDirectory == nil, isServer(user.name) || user.name.isEmpty
    else { return nil }
    return "process \(number)"
  }

  private static func lines(of directory: HostDirectory) throws(StoreError) -> [String] {
    var bytes = [UInt8](repeating: 0, count: 4096)
    do throws(SystemError) {
      let file = try directory.openFile(DataDirectory.processFile.bytes)
      let count = try bytes.withUnsafeMutableBufferPointer { buffer throws(SystemError) in
        try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: 0)
      }
      return String(decoding: bytes[..<count], as: UTF8.self)
        .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    } catch {
      // There is none, or a server that stops meanwhile removed it.
      if error.isMissing { return [] }
      throw StoreError(reading: error, object: "\(directory.path)/\(DataDirectory.processFile)")
    }
  }
}
