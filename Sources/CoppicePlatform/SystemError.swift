internal import CLinux
internal import Glibc

/// A system call that failed: which, on what, with which errno.
public struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The call's name as in its manual page, for example `pwrite`.
  public var call: String
  /// What it was called on; empty when there is nothing to name.
  public var path: String
  /// The value of `errno`.
  public var code: Int32

  public init(call: String, path: String, code: Int32) {
    self.call = call
    self.path = path
    self.code = code
  }

  /// The error of the call that has just failed on this thread.
  @usableFromInline
  init(lastOf call: String, _ path: String) {
    self.init(call: call, path: path, code: errno)
  }

  public var description: String {
    let text = Self.text(of: code)
    return path.isEmpty ? "\(call): \(text)" : "\(call) \(path): \(text)"
  }

  /// The system's words for an errno, with the number.
  public static func text(of code: Int32) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      clinux_error_text(code, buffer.baseAddress, buffer.count)
      return buffer.baseAddress.map { "\(String(cString: $0)) (errno \(code))" } ?? "errno \(code)"
    }
  }
}

/// What a caller can do about a failed call.
extension SystemError {
  /// The error of a call that found something in its way.
  public static func existing(call: String, path: String) -> SystemError {
    SystemError(call: call, path: path, code: EEXIST)
  }

  /// The error of a call that did not find what it needs.
  public static func missing(call: String, path: String) -> SystemError {
    SystemError(call: call, path: path, code: ENOENT)
  }

  /// The device, or the user's quota on it, has no room.
  public var isFull: Bool { code == ENOSPC || code == EDQUOT }
  /// The named thing does not exist.
  public var isMissing: Bool { code == ENOENT }
  /// The named thing exists already.
  public var isExisting: Bool { code == EEXIST }
  /// A directory was asked for, and the name means something else.
  public var isNotDirectory: Bool { code == ENOTDIR }
  /// The user may not do this, or the file system is read-only.
  public var isDenied: Bool { code == EACCES || code == EPERM || code == EROFS }
  /// Of `Disk.lock`: another owner holds a conflicting lock.
  public var isLocked: Bool { call == "lock" && (code == EAGAIN || code == EACCES) }
  /// The file system or the kernel does not know this call.
  public var isUnsupported: Bool { code == EOPNOTSUPP || code == ENOSYS }
  /// The file system, or the user's rights on it, do not take what was to be made or set, or no
  /// more of it; other calls may well succeed.
  public var isRefusal: Bool {
    isUnsupported || code == EPERM || code == EINVAL || code == EMLINK || code == EXDEV
  }
  /// So for an extended attribute: a full device is none, the room for attributes may be.
  public var isAttributeRefusal: Bool {
    isRefusal || isDenied || isFull || code == E2BIG || code == ERANGE
  }
  /// There is no extended attribute of that name.
  public var isMissingAttribute: Bool { code == ENODATA }
  /// An argument has a value that the call cannot have meant.
  public static var invalidArgument: Int32 { EINVAL }
  /// The directory is not where it was.
  public var isMoved: Bool { code == ESTALE }
  /// Of `connect` to a local socket: whoever listens has as many waiting as it takes.
  public var isFullQueue: Bool { code == EAGAIN }
  /// Another process has the port.
  public var isPortTaken: Bool { code == EADDRINUSE }
  /// The address is none of this machine's.
  public var isForeignAddress: Bool { code == EADDRNOTAVAIL }
  /// Nobody reads the stream any more.
  public var isBrokenPipe: Bool { code == EPIPE }
  /// The call was given up because its caller no longer wanted it.
  public var isCancelled: Bool { code == ECANCELED }
  /// Too many files are open in this process or on this machine.
  public var isOutOfFiles: Bool { code == EMFILE || code == ENFILE }
  /// The machine has no memory for the call.
  public var isOutOfMemory: Bool { code == ENOMEM }
  /// The device is gone, or the machine that has the file does not answer.
  public var isUnanswered: Bool {
    switch code {
    case ENXIO, ENODEV, ENOMEDIUM, ESTALE, ETIMEDOUT, ENOTCONN, ESHUTDOWN, ECONNREFUSED,
      ECONNRESET, ECONNABORTED, EHOSTDOWN, EHOSTUNREACH, ENETDOWN, ENETUNREACH, ENETRESET:
      true
    default: false
    }
  }
  /// Says nothing of what is stored: the call was not made for want of something or somebody, or
  /// the file was not even opened. An EIO of a read does: the device has lost what was there.
  public var isPassing: Bool {
    isOutOfFiles || isOutOfMemory || isUnanswered || code == EAGAIN
      || (call == "open" && code == EIO)
  }
}

/// Runs a call until no signal interrupts it; throws what it failed with.
@discardableResult
@inline(__always)
func system<Result: SignedInteger>(
  _ call: String, _ path: @autoclosure () -> String, _ body: () -> Result
) throws(SystemError) -> Result {
  while true {
    let result = body()
    if result != -1 { return result }
    if errno != EINTR { throw SystemError(lastOf: call, path()) }
  }
}
