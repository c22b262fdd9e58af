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

  /// The path from the top, whatever directory this process works in. Links stay as they are.
  public static func absolute(_ path: String) -> String {
    guard !path.hasPrefix("/"), let here = getcwd(nil, 0) else { return path }
    defer { free(here) }
    let folder = String(cString: here)
    return path == "." ? folder : folder == "/" ? "/\(path)" : "\(folder)/\(path)"
  }
}
