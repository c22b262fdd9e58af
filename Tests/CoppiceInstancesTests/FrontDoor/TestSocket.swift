import Glibc
import Synchronization
import TestSupport

/// A socket of a test's own. Calls wait, and throw after twenty seconds.
final class TestSocket: Sendable {
  private let descriptor: Int32

  private init(owning descriptor: Int32) throws {
    self.descriptor = descriptor
    guard descriptor >= 0 else { throw Self.failure("socket") }
    var limit = timeval(tv_sec: 20, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
    }
  }

  deinit { close(descriptor) }

  private static func failure(_ call: String) -> Program.Failure {
    Program.Failure(description: "\(call): \(String(cString: strerror(errno)))")
  }

  /// Connects to a port. `receiveByteCount`: of the kernel's buffer.
  static func connect(
    to port: Int, of address: String = "127.0.0.1", receiveByteCount: Int32? = nil
  ) throws -> TestSocket {
    let made = try TestSocket(owning: socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
    if var receiveByteCount {
      setsockopt(made.descriptor, SOL_SOCKET, SO_RCVBUF, &receiveByteCount, 4)
    }
    var place = sockaddr_in()
    place.sin_family = sa_family_t(AF_INET)
    place.sin_port = in_port_t(port).bigEndian
    inet_pton(AF_INET, address, &place.sin_addr)
    let result = withUnsafePointer(to: &place) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(made.descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else { throw failure("connect") }
    return made
  }

  /// An address of this machine that no other test listens on.
  static func freeAddress() -> String {
    let number = addressCount.add(1, ordering: .relaxed).newValue
    return "127.77.\(number >> 8).\(number & 255)"
  }

  private static let addressCount = Atomic<Int>(0)

  private static func withAddress(
    _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }

  /// Connects to a local socket; `nil` when its queue is full.
  static func connect(to path: String) throws -> TestSocket? {
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    let made = try TestSocket(owning: socket(AF_UNIX, kind, 0))
    if withAddress(path, { Glibc.connect(made.descriptor, $0, $1) }) == 0 { return made }
    guard errno == EAGAIN else { throw failure("connect") }
    return nil
  }

  /// Takes connections at the path.
  static func listening(at path: String, queueCount: Int32 = 64) throws -> TestSocket {
    let made = try TestSocket(owning: socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
    guard withAddress(path, { bind(made.descriptor, $0, $1) }) == 0,
      listen(made.descriptor, queueCount) == 0
    else { throw failure("listen") }
    return made
  }

  func accept() throws -> TestSocket {
    let accepted = Glibc.accept(descriptor, nil, nil)
    guard accepted >= 0 else { throw Self.failure("accept") }
    return try TestSocket(owning: accepted)
  }

  func send(_ bytes: some Sequence<UInt8>) throws {
    var rest = Array(bytes)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { throw Self.failure("send") }
      rest = rest.dropFirst(count)
    }
  }

  /// Sends as much as is taken; ends when nothing was for half a second.
  func sendWhileTaken(_ bytes: ArraySlice<UInt8>) throws -> Int {
    var rest = bytes
    while !rest.isEmpty, try isReady(for: POLLOUT, milliseconds: 500) {
      let count = rest.withUnsafeBytes {
        Glibc.send(
          descriptor, $0.baseAddress, $0.count,
          Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
      }
      guard count > 0 || errno == EAGAIN else { throw Self.failure("send") }
      rest = rest.dropFirst(max(0, count))
    }
    return bytes.count - rest.count
  }

  /// What has come, or what comes next; empty at the end.
  func receive(atMost byteCountMax: Int = 65536) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: byteCountMax)
    let count = recv(descriptor, &bytes, byteCountMax, 0)
    guard count >= 0 else { throw Self.failure("recv") }
    return Array(bytes[..<count])
  }

  /// Less at the end.
  func receive(_ byteCount: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < byteCount {
      let next = try receive(atMost: byteCount - bytes.count)
      if next.isEmpty { break }
      bytes += next
    }
    return bytes
  }

  func receiveToEnd() throws -> [UInt8] {
    var bytes: [UInt8] = []
    while true {
      let next = try receive()
      if next.isEmpty { return bytes }
      bytes += next
    }
  }

  func closeOutput() { shutdown(descriptor, Int32(SHUT_WR)) }

  func isReady(for events: Int32, milliseconds: Int32) throws -> Bool {
    var item = pollfd(fd: descriptor, events: Int16(events), revents: 0)
    let count = poll(&item, 1, milliseconds)
    guard count >= 0 else { throw Self.failure("poll") }
    return count > 0
  }
}
