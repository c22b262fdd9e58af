extension UnsafeRawPointer {
  /// The little-endian integer at `offset`, which needs no alignment.
  @inline(__always)
  func integer<T: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as: T.Type = T.self) -> T {
    T(littleEndian: loadUnaligned(fromByteOffset: offset, as: T.self))
  }
}

extension UnsafeMutableRawPointer {
  /// Stores `value` little-endian at `offset`, which needs no alignment.
  @inline(__always)
  func store<T: FixedWidthInteger & BitwiseCopyable>(integer value: T, at offset: Int) {
    storeBytes(of: value.littleEndian, toByteOffset: offset, as: T.self)
  }
}

extension UnsafeRawBufferPointer {
  /// The little-endian integer at `offset`; the caller has checked that it lies inside.
  @inline(__always)
  func integer<T: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as: T.Type = T.self) -> T {
    T(littleEndian: loadUnaligned(fromByteOffset: offset, as: T.self))
  }

  /// The bytes of `range`, as a buffer that begins at 0.
  @inline(__always)
  func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: self[range])
  }

  /// Whether every byte is zero.
  var isZero: Bool {
    var bits: UInt8 = 0
    for byte in self { bits |= byte }
    return bits == 0
  }
}

extension UnsafeMutableRawBufferPointer {
  /// Stores `value` little-endian at `offset`; the caller has checked that it fits.
  @inline(__always)
  func store<T: FixedWidthInteger & BitwiseCopyable>(integer value: T, at offset: Int) {
    storeBytes(of: value.littleEndian, toByteOffset: offset, as: T.self)
  }
}
