internal import Glibc

extension UnsafeRawBufferPointer {
  /// Whether both hold the same bytes.
  public func hasEqualBytes(as other: UnsafeRawBufferPointer) -> Bool {
    guard count == other.count else { return false }
    guard let a = baseAddress, let b = other.baseAddress else { return true }
    return memcmp(a, b, count) == 0
  }

  /// Whether it comes first in the order of bytes.
  func precedes(_ other: UnsafeRawBufferPointer) -> Bool {
    guard let a = baseAddress, let b = other.baseAddress else { return count < other.count }
    let order = memcmp(a, b, Swift.min(count, other.count))
    return order == 0 ? count < other.count : order < 0
  }
}
