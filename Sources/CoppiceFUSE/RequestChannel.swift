internal import CFuse
internal import CoppicePlatform
internal import Glibc

/// Where one thread of a mount takes requests from, and where their answers go.
protocol RequestChannel: AnyObject {
  /// Where the data of an answer go: at least `MountSession.transferByteCountMax` bytes.
  var answerSpace: UnsafeMutableRawBufferPointer { get }
  /// Waits for the next request; it lies in the channel's memory until its answer. `nil` once the
  /// file system is unmounted.
  func receive() throws(SystemError) -> Request?
  /// Answers the request with the first bytes of the answer space. Throws `isMissing` when nobody
  /// waits for it any more.
  func send(_ header: fuse_out_header, _ byteCount: Int) throws(SystemError)
}

/// Requests and answers that are read and written: each is copied, and any thread of the mount may
/// get the next one.
final class DeviceChannel: RequestChannel {
  private static let headerByteCount = MemoryLayout<fuse_out_header>.size
  /// The kernel wants room for the largest write with all its arguments.
  private static let bufferByteCount = MountSession.transferByteCountMax + 4096

  private let device: FUSEDevice
  private let input = AlignedBuffer(byteCountMin: bufferByteCount)
  private let output = AlignedBuffer(byteCountMin: bufferByteCount)

  init(_ device: FUSEDevice) { self.device = device }

  /// Behind the header.
  var answerSpace: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(
      start: output.bytes + Self.headerByteCount, count: MountSession.transferByteCountMax)
  }

  func receive() throws(SystemError) -> Request? {
    while true {
      let space = UnsafeMutableRawBufferPointer(start: input.bytes, count: input.capacity)
      guard let count = try device.receive(into: space) else { return nil }
      if let request = Request(UnsafeRawBufferPointer(rebasing: space[..<count])) {
        return request
      }
    }
  }

  func send(_ header: fuse_out_header, _ byteCount: Int) throws(SystemError) {
    output.bytes.storeBytes(of: header, as: fuse_out_header.self)
    try device.send(
      UnsafeRawBufferPointer(start: output.bytes, count: Self.headerByteCount + byteCount))
  }
}

/// Requests of one core in memory that the kernel shares. An answer is sent together with the wait
/// for the next request.
final class RingChannel: RequestChannel {
  private enum State {
    case unregistered
    /// The kernel has answered the wait with a request.
    case serving
    case answered(byteCount: Int)
  }

  private let ring: FUSERing
  private let device: FUSEDevice
  private var state = State.unregistered
  /// The request being served.
  private var unique: UInt64 = 0

  init(_ ring: FUSERing, device: FUSEDevice) {
    self.ring = ring
    self.device = device
  }

  var answerSpace: UnsafeMutableRawBufferPointer { ring.answerSpace }

  func receive() throws(SystemError) -> Request? {
    let isOpen: Bool
    switch state {
    case .unregistered: isOpen = try ring.register(device)
    case .answered(let byteCount):
      isOpen = try ring.answer(byteCount, device)
    case .serving:
      // The kernel sends nothing by rings that needs no answer; if it did, the place is needed
      // back.
      send(fuse_out_header(len: 0, error: -ENOSYS, unique: unique), 0)
      isOpen = try ring.answer(0, device)
    }
    guard isOpen else { return nil }
    state = .serving
    let request = Request(ring)
    unique = request.header.unique
    return request
  }

  func send(_ header: fuse_out_header, _ byteCount: Int) {
    ring.header.storeBytes(of: header, as: fuse_out_header.self)
    state = .answered(byteCount: byteCount)
  }
}
