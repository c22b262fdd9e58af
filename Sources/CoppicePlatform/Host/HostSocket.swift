internal import CLinux
internal import Glibc

/// Local sockets of the machine.
public enum HostSocket {
  /// Connects to the process that takes connections at the path: a stream both ways.
  public static func connect(to path: String) throws(SystemError) -> HostFile {
    let descriptor = try system("connect", path) { path.withPath { clinux_connect_local($0) } }
    return HostFile(owning: descriptor, path: path)
  }

  /// Whether a process takes connections at the path. A socket that a killed one left does not
  /// count.
  public static func accepts(at path: String) throws(SystemError) -> Bool {
    do throws(SystemError) {
      close(try system("connect", path) { clinux_connect_local(path) })
      return true
    } catch {
      if error.isMissing || error.code == ECONNREFUSED || error.code == ENOTSOCK { return false }
      throw error
    }
  }
}
