internal import Glibc

/// Reads the names in an open directory.
struct DirectoryStream: ~Copyable {
  private let stream: OpaquePointer
  private let path: String

  /// Takes over the descriptor.
  init(owning file: Int32, path: String) throws(SystemError) {
    guard let stream = fdopendir(file) else {
      let error = SystemError(lastOf: "fdopendir", path)
      close(file)
      throw error
    }
    self.stream = stream
    self.path = path
  }

  deinit { closedir(stream) }

  /// All names but `.` and `..`, in no order.
  borrowing func names() throws(SystemError) -> [[UInt8]] {
    var names: [[UInt8]] = []
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        if errno != 0 { throw SystemError(lastOf: "readdir", path) }
        return names
      }
      let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
        tuple.withMemoryRebound(to: UInt8.self, capacity: 256) { bytes in
          Array(UnsafeBufferPointer(start: bytes, count: strnlen(bytes, 256)))
        }
      }
      if name != [0x2E], name != [0x2E, 0x2E] { names.append(name) }
    }
  }
}
