internal import CLinux
internal import Glibc

/// One descriptor of a connection between the kernel's FUSE file system and its server.
///
/// A request is answered through the descriptor that it was received from. The connection ends when
/// the file system is unmounted, and when all its descriptors are closed.
public final class FUSEDevice: Sendable {
  static let path = "/dev/fuse"

  let descriptor: Int32

  /// Takes over the descriptor.
  init(owning descriptor: Int32) { self.descriptor = descriptor }

  deinit { close(descriptor) }

  /// A device that is not mounted yet.
  static func open() throws(SystemError) -> FUSEDevice {
    FUSEDevice(owning: try system("open", path) { clinux_open_fuse() })
  }

  /// One more descriptor of the same connection: threads that have their own share no queue.
  public func clone() throws(SystemError) -> FUSEDevice {
    FUSEDevice(owning: try system("ioctl", Self.path) { clinux_clone_fuse(descriptor) })
  }

  /// Waits for a request and returns how many bytes it has; `nil` once the file system is
  /// unmounted.
  public func receive(
    into buffer: UnsafeMutableRawBufferPointer
  ) throws(SystemError) -> Int? {
    while true {
      let count = read(descriptor, buffer.baseAddress, buffer.count)
      if count >= 0 { return count }
      switch errno {
      // ENOENT: the request was interrupted before it got here.
      case EINTR, EAGAIN, ENOENT: continue
      case ENODEV, ECONNABORTED: return nil
      default: throw SystemError(lastOf: "read", Self.path)
      }
    }
  }

  /// Sends an answer, or a notification, in one piece. Throws `ENOENT` for a request that was
  /// interrupted, and for a notification about something that the kernel does not know.
  public func send(_ message: UnsafeRawBufferPointer) throws(SystemError) {
    while write(descriptor, message.baseAddress, message.count) < 0 {
      if errno != EINTR { throw SystemError(lastOf: "write", Self.path) }
    }
  }
}
