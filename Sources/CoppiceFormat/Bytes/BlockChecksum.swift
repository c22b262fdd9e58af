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
}
