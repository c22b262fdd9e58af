internal import Glibc

/// A stream that the process was started with.
public enum StandardStream: Int32, Sendable {
  case standardInput = 0
  case standardOutput = 1
  case standardError = 2

  /// Whether a person may be on the other end.
  public var isTerminal: Bool { isatty(rawValue) == 1 }

  /// Writes all of `bytes`.
  public func write(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
    try HostFile(duplicating: rawValue).writeNext(bytes)
  }
}
