internal import Glibc

/// Paths of the machine's file system.
public enum HostPath {
  /// The path without symbolic links, `.` and `..`; `nil` when it leads nowhere.
  public static func resolved(_ path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
  }

  /// As `resolved`, but the last component is taken as it is, without asking its file system.
  public static func resolvedExceptLast(_ path: String) -> String? {
    var path = path[...]
    while path.count > 1, path.hasSuffix("/") { path = path.dropLast() }
    let slash = path.lastIndex(of: "/")
    let last = slash.map { path[path.index(after: $0)...] } ?? path
    let parent = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    guard !last.isEmpty, last != ".", last != "..", let directory = resolved(parent) else {
      return resolved(String(path))
    }
    return directory == "/" ? "/\(last)" : "\(directory)/\(last)"
  }
}
