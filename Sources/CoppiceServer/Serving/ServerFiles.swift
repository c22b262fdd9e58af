internal import Coppice
internal import CoppiceEngine
internal import CoppicePlatform

/// The files that a server keeps in its store's directory. Only the process that holds the store's
/// lock makes and removes them; what a killed server left means nothing and is replaced.
package struct ServerFiles: Sendable {
  package static let socketName = "control.sock"
  package static let processName = "server.pid"
  package static let logName = "server.log"

  /// Absolute.
  let directory: String
  /// The directory by its descriptor: the address of a socket has room for 107 bytes, a path may
  /// have more.
  private let opened: HostDirectory

  init(_ directory: String) throws(StoreError) {
    do throws(SystemError) {
      opened = try HostDirectory(path: directory)
    } catch {
      throw StoreError(error, while: "opening the store's directory")
    }
    self.directory = HostPath.absolute(directory)
  }

  /// The socket's path; good as long as this value lives.
  var socketPath: String { "/proc/self/fd/\(opened.fileDescriptor)/\(Self.socketName)" }

  private static func bytes(_ name: String) -> [UInt8] { Array(name.utf8) }

  func writeProcessNumber() throws(StoreError) {
    let name = Self.bytes(Self.processName)
    do throws(SystemError) {
      do throws(SystemError) { try opened.remove(name) } catch {
        guard error.isMissing else { throw error }
      }
      let file = try opened.makeFile(name, permissions: 0o600, isOwners: true)
      let text = Self.bytes("\(HostProcess.identifier)\n")
      try text.withUnsafeBufferPointer { bytes throws(SystemError) in
        try file.writeNext(UnsafeRawBufferPointer(bytes))
      }
    } catch {
      throw StoreError(error, while: "writing the server's process number")
    }
  }

  /// Nobody but the server's user, and the store's, connects; both are told apart by their
  /// credentials, also who connected before this.
  func protectSocket() throws(StoreError) {
    do throws(SystemError) {
      try opened.setPermissions(of: Self.bytes(Self.socketName), 0o600)
      // What a killed server leaves must keep nobody from seeing that it is gone.
      try opened.giveToOwner(Self.bytes(Self.socketName))
    } catch {
      throw StoreError(error, while: "protecting the server's socket")
    }
  }

  func remove() {
    for name in [Self.socketName, Self.processName] {
      do throws(SystemError) {
        try opened.remove(Self.bytes(name))
      } catch {
        // Files that stay are replaced by the next server.
      }
    }
  }
}
