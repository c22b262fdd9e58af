internal import Glibc

/// Memory that held a secret.
public enum SecretMemory {
  /// Overwrites the bytes with zeros, also where nothing reads them any more.
  public static func erase(_ bytes: UnsafeMutableRawBufferPointer) {
    guard let start = bytes.baseAddress else { return }
    explicit_bzero(start, bytes.count)
  }

  /// As above. Copies that others hold stay as they are.
  public static func erase(_ bytes: inout [UInt8]) {
    bytes.withUnsafeMutableBytes { erase($0) }
  }
}
