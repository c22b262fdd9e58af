internal import Glibc

/// Processes of the machine.
public enum HostProcess {
  /// This process's number, unique among those that run.
  public static var identifier: Int32 { getpid() }

  /// The numbers of other processes that have the file open, as far as this user may know.
  public static func identifiers(havingOpen path: String) -> [Int32] {
    guard let real = realpath(path, nil) else { return [] }
    defer { free(real) }
    let sought = String(cString: real)
    do throws(SystemError) {
      return try HostDirectory(path: "/proc").names().compactMap { name in
        Int32(String(decoding: name, as: UTF8.self))
      }.filter { $0 != identifier && hasOpen($0, sought) }
    } catch {
      return []
    }
  }

  private static func hasOpen(_ process: Int32, _ path: String) -> Bool {
    do throws(SystemError) {
      let files = try HostDirectory(path: "/proc/\(process)/fd")
      for name in try files.names() {
        let target = try files.readSymbolicLink(name)
        if String(decoding: target, as: UTF8.self) == path { return true }
      }
      return false
    } catch {
      // It has ended, or is another user's.
      return false
    }
  }
}
