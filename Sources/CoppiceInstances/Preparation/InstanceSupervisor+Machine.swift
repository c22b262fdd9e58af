internal import CoppicePlatform
package import CoppiceErrors
package import CoppicePostgreSQL

/// What this machine has for clusters.
extension InstanceSupervisor {
  /// For clusters of a major version.
  package func machine(for major: MajorVersion) -> ClusterCheck.Machine {
    let programs = try? programs.programs(of: major)
    return ClusterCheck.Machine(
      version: programs?.version, extensions: programs.flatMap(\.extensions),
      collationVersion: HostLibrary.version)
  }

  /// The programs of the newest version that is installed. Throws `notFound` without any.
  package func newestPrograms() throws(StoreError) -> ServerPrograms {
    if let newest = try programs.all().max(by: { $0.major < $1.major }) { return newest }
    throw StoreError(
      .notFound, "no programs of PostgreSQL are installed here", object: "postgres",
      remedy: "install the Debian package postgresql-15, or name a directory by --pg-programs")
  }
}

extension ServerPrograms {
  /// The names of the extensions that are installed for these programs; `nil` where their place is
  /// not known.
  fileprivate var extensions: Set<String>? {
    let prefix = HostPath.split(directory).folder
    let places = [
      "/usr/share/postgresql/\(major)/extension", "\(prefix)/share/postgresql/extension",
      "\(prefix)/share/extension",
    ]
    let suffix = Array(".control".utf8)
    for place in places {
      guard let names = try? HostDirectory(path: place).names() else { continue }
      return Set(
        names.filter { $0.count > suffix.count && $0.suffix(suffix.count).elementsEqual(suffix) }
          .map { String(decoding: $0.dropLast(suffix.count), as: UTF8.self) })
    }
    return nil
  }
}
