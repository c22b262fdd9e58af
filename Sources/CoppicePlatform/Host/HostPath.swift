internal import Glibc

/// Paths of the machine's file system, as `ByteText` has them.
public enum HostPath {
  /// The path without symbolic links, `.` and `..`; `nil` when it leads nowhere.
  public static func resolved(_ path: String) -> String? {
    guard let real = path.withPath({ realpath($0, nil) }) else { return nil }
    return text(real)
  }

  /// As `resolved`, but the last component is taken as it is, without asking its file system.
  public static func resolvedExceptLast(_ path: String) -> String? {
    let (folder, last) = split(path)
    guard !last.isEmpty, last != ".", last != "..", let directory = resolved(folder) else {
      return resolved(path)
    }
    return directory == "/" ? "/\(last)" : "\(directory)/\(last)"
  }

  /// The path from the top, whatever directory this process works in. Links stay as they are.
  public static func absolute(_ path: String) -> String {
    guard path.utf8.first != slash, let here = getcwd(nil, 0) else { return path }
    let folder = text(here)
    return path == "." ? folder : folder == "/" ? "/\(path)" : "\(folder)/\(path)"
  }

  /// The directory that holds what the path leads to, `.` where it names none, and the name there.
  /// Slashes at the end say nothing; the name is empty for the top directory.
  public static func split(_ path: String) -> (folder: String, name: String) {
    var rest = path.utf8[...]
    while rest.count > 1, rest.last == slash { rest.removeLast() }
    guard let last = rest.lastIndex(of: slash) else { return (".", String(Substring(rest))) }
    let folder = rest[..<last]
    return (
      folder.isEmpty ? "/" : String(Substring(folder)),
      String(Substring(rest[rest.index(after: last)...]))
    )
  }

  private static let slash = UInt8(ascii: "/")

  /// Takes over the text of a call.
  private static func text(_ path: UnsafeMutablePointer<CChar>) -> String {
    defer { free(path) }
    return ByteText.text(UnsafeRawBufferPointer(start: path, count: strlen(path)))
  }

  /// Longer paths are shortened in messages.
  static let shownByteCountMax = 4096

  /// The path without its middle if it is longer than any that the kernel takes.
  static func shortened(_ path: String) -> String {
    guard path.utf8.count > shownByteCountMax else { return path }
    let beginning = String(decoding: path.utf8.prefix(shownByteCountMax / 4), as: UTF8.self)
    let end = String(decoding: path.utf8.suffix(shownByteCountMax / 2), as: UTF8.self)
    return beginning + "/.../" + end
  }
}
