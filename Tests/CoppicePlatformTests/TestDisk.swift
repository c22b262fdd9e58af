internal import CoppicePlatform
internal import Glibc

/// Runs a test in a new directory of the machine's file system, which is removed afterwards.
func withTemporaryDirectory(_ body: (_ path: String) throws -> Void) throws {
  var template = Array("/tmp/coppice-test-XXXXXX".utf8CString)
  guard let made = mkdtemp(&template) else {
    throw SystemError(call: "mkdtemp", path: "/tmp", code: errno)
  }
  let path = String(cString: made)
  // Whatever cannot be removed stays in /tmp; the test has ended.
  defer { try? HostDirectory(path: "/tmp").removeTree(Array(path.utf8.dropFirst("/tmp/".count))) }
  try body(path)
}

/// The system error that `body` throws.
func error(_ body: () throws -> Void) -> SystemError? {
  do {
    try body()
    return nil
  } catch {
    return error as? SystemError
  }
}

extension DiskFile {
  func bytes(at offset: UInt64, count: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0xEE, count: count)
    let read = try bytes.withUnsafeMutableBytes { try self.read(into: $0, at: offset) }
    return Array(bytes[..<read])
  }

  func write(_ bytes: [UInt8], at offset: UInt64) throws {
    try bytes.withUnsafeBytes { try write($0, at: offset) }
  }

  func write(_ text: String, at offset: UInt64) throws { try write(Array(text.utf8), at: offset) }
}
