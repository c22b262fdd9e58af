/// The checksum that a block carries in itself.
///
/// It is XXH3-64 over the bytes after the field, seeded with XXH3-64 over the bytes before it, so
/// that neither writing nor verifying changes or copies the block.
enum BlockChecksum {
  static let byteCount = 8

  static func compute(_ block: UnsafeRawBufferPointer, at offset: Int, seed: UInt64 = 0) -> UInt64 {
    let before = checksum64(block.slice(0..<offset), seed: seed)
    return checksum64(block.slice(offset + byteCount..<block.count), seed: before)
  }

  static func seal(_ block: UnsafeMutableRawBufferPointer, at offset: Int, seed: UInt64 = 0) {
    let checksum = compute(UnsafeRawBufferPointer(block), at: offset, seed: seed)
    block.store(integer: checksum, at: offset)
  }

  static func holds(_ block: UnsafeRawBufferPointer, at offset: Int, seed: UInt64 = 0) -> Bool {
    block.integer(at: offset, as: UInt64.self) == compute(block, at: offset, seed: seed)
  }

  /// The block with that one bit changed that makes the checksum hold, if there is one. Takes time
  /// in proportion to the square of the byte count.
  static func correctingOneBit(of block: UnsafeRawBufferPointer, at offset: Int) -> [UInt8]? {
    guard block.count >= offset + byteCount else { return nil }
    var bytes = Array(block)
    let isCorrect = bytes.withUnsafeMutableBytes { bytes -> Bool in
      for index in bytes.indices {
        for bit in UInt8(0)..<8 {
          bytes[index] ^= 1 << bit
          if holds(UnsafeRawBufferPointer(bytes), at: offset) { return true }
          bytes[index] ^= 1 << bit
        }
      }
      return false
    }
    return isCorrect ? bytes : nil
  }
}
