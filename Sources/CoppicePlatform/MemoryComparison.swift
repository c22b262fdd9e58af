internal import Glibc

extension UnsafeRawBufferPointer {
  /// Whether both hold the same bytes.
  public func hasEqualBytes(as other: UnsafeRawBufferPointer) -> Bool {
    guard count == other.count else { return false }
    guard let a = baseAddress, let b = other.baseAddress else { return true }
    return memcmp(a, b, count) == 0
  }
}
