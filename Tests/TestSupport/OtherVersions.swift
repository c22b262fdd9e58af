import Glibc

/// Versions of PostgreSQL that the distribution does not have.
public enum OtherVersions {
  /// Directories of their programs: those that COPPICE_TEST_PG_PROGRAMS names, with colons between
  /// them.
  public static let programs: [String] = {
    let given = getenv("COPPICE_TEST_PG_PROGRAMS").map { String(cString: $0) } ?? ""
    return given.split(separator: ":").map(String.init)
  }()
}
