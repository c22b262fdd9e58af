internal import CLinux
internal import Glibc

/// A place for one request of a FUSE connection at a time, in memory that the kernel fills and
/// reads itself (FUSE over io_uring, Linux 6.14).
///
/// An answer and the wait for the next request are one system call, and each core of the machine
/// has a queue of its own: a request is served on the core that made it, without waking another
/// one. The layout of the headers is that of `struct fuse_uring_req_header`:
/// ```
/// 0    in_out 128   fuse_in_header of the request, then fuse_out_header of the answer
/// 128  op_in 128    the request's arguments of a fixed size
/// 256  flags u64, commit u64, payloadByteCount u32, reserved u32, reserved u64
/// ```
/// The thread that registers it uses it, and no other.
public final class FUSERing: @unchecked Sendable {
  private static let argumentsOffset = 128
  private static let argumentsByteCount = 128
  private static let commitOffset = 264
  private static let payloadCountOffset = 272
  private static let headersByteCount = 288

  private enum Command: UInt32 {
    case register = 1
    case commitAndFetch = 2
  }

  /// The core whose requests come here.
  public let core: Int
  private let ring: OpaquePointer
  private let headers: AlignedBuffer
  private let payload: AlignedBuffer
  private let payloadByteCountMax: Int
  private var isRegistered = false

  /// - Parameters:
  ///   - core: less than `SystemThread.possibleCoreCount`.
  ///   - payloadByteCountMax: names, data and answers; at least the connection's largest read and
  ///     write.
  /// - Throws: when the kernel does not let this process have an io_uring.
  public init(core: Int, payloadByteCountMax: Int) throws(SystemError) {
    guard let ring = clinux_open_fuse_ring() else {
      throw SystemError(lastOf: "io_uring_setup", FUSEDevice.path)
    }
    self.ring = ring
    self.core = core
    self.payloadByteCountMax = payloadByteCountMax
    headers = AlignedBuffer(byteCountMin: Self.headersByteCount)
    payload = AlignedBuffer(byteCountMin: payloadByteCountMax)
  }

  deinit { clinux_close_fuse_ring(ring) }

  /// The request's header of a fixed size, and the place of the answer's.
  public var header: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: headers.bytes, count: Self.argumentsOffset)
  }
  /// The request's arguments; bytes behind those of its kind are undefined.
  public var arguments: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(
      start: headers.bytes + Self.argumentsOffset, count: Self.argumentsByteCount)
  }
  /// The request's names or data, behind the arguments.
  public var data: UnsafeRawBufferPointer {
    let count = headers.bytes.load(fromByteOffset: Self.payloadCountOffset, as: UInt32.self)
    return UnsafeRawBufferPointer(
      start: payload.bytes, count: min(Int(count), payloadByteCountMax))
  }
  /// Where the data of an answer go, over those of the request.
  public var answerSpace: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: payload.bytes, count: payloadByteCountMax)
  }

  /// Takes the place into use, and waits for the first request. Returns `false` once the file
  /// system is unmounted.
  public func register(_ device: FUSEDevice) throws(SystemError) -> Bool {
    precondition(!isRegistered)
    isRegistered = true
    try system("io_uring_register", FUSEDevice.path) { clinux_enable_fuse_ring(ring) }
    let buffers = [
      iovec(iov_base: headers.bytes, iov_len: Self.headersByteCount),
      iovec(iov_base: payload.bytes, iov_len: payloadByteCountMax),
    ]
    return try run(.register, device, buffers, commit: 0)
  }

  /// Answers the request with the header as it is now and the first bytes of the answer space, and
  /// waits for the next one. Returns `false` once the file system is unmounted.
  public func answer(_ byteCount: Int, _ device: FUSEDevice) throws(SystemError) -> Bool {
    precondition(byteCount <= payloadByteCountMax)
    headers.bytes.storeBytes(
      of: UInt32(byteCount), toByteOffset: Self.payloadCountOffset, as: UInt32.self)
    let commit = headers.bytes.load(fromByteOffset: Self.commitOffset, as: UInt64.self)
    return try run(.commitAndFetch, device, nil, commit: commit)
  }

  private func run(
    _ command: Command, _ device: FUSEDevice, _ buffers: [iovec]?, commit: UInt64
  ) throws(SystemError) -> Bool {
    let result = clinux_run_fuse_command(
      ring, device.descriptor, command.rawValue, buffers, commit, UInt16(core))
    if result == 0 { return true }
    switch errno {
    // ENOENT: the request that is answered went with the connection.
    case ENOTCONN, ECONNABORTED, ECANCELED, ENODEV: return false
    case ENOENT where command == .commitAndFetch: return false
    default: throw SystemError(lastOf: "io_uring_enter", FUSEDevice.path)
    }
  }
}
