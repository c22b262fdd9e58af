internal import CLinux
internal import Glibc

/// Local sockets of the machine.
public enum HostSocket {
  /// Connects to the process that takes connections at the path: a stream both ways. Throws
  /// `EACCES` when it is another user's.
  public static func connect(to path: String, of user: UInt32) throws(SystemError) -> HostFile {
    let descriptor = try system("connect", path) { path.withPath { clinux_connect_local($0) } }
    let socket = HostFile(owning: descriptor, path: path)
    var peer = clinux_peer()
    var count = socklen_t(MemoryLayout<clinux_peer>.size)
    try system("getsockopt", path) {
      getsockopt(descriptor, SOL_SOCKET, clinux_so_peercred(), &peer, &count)
    }
    guard peer.user == user else { throw SystemError(call: "connect", path: path, code: EACCES) }
    return socket
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
