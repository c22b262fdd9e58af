internal import Glibc

/// The bytes of a simulated file: sparse blocks, copied on write, so that copies cost little.
struct SimulatedContent {
  static let blockByteCount = 4096
  /// A missing block reads as zero.
  private var blocks: [[UInt8]?] = []
  private(set) var byteCount: UInt64 = 0

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Int {
    guard offset < byteCount else { return 0 }
    let count = Int(min(UInt64(buffer.count), byteCount - offset))
    Self.forEachPiece(Int(offset), count) { block, start, done, length in
      let target = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + length])
      if block < blocks.count, let bytes = blocks[block] {
        bytes.withUnsafeBytes {
          target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<start + length]))
        }
      } else {
        target.initializeMemory(as: UInt8.self, repeating: 0)
      }
    }
    return count
  }

  func bytes() -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Int(byteCount))
    _ = bytes.withUnsafeMutableBytes { read(into: $0, at: 0) }
    return bytes
  }

  mutating func write(_ source: UnsafeRawBufferPointer, at offset: UInt64) {
    guard source.count > 0 else { return }
    if offset + UInt64(source.count) > byteCount { resize(to: offset + UInt64(source.count)) }
    Self.forEachPiece(Int(offset), source.count) { block, start, done, length in
      // Zeroing what is zero already, as preparing a journal does, needs no block.
      if blocks[block] == nil {
        let part = UnsafeRawBufferPointer(rebasing: source[done..<done + length])
        if part.isZero { return }
        blocks[block] = [UInt8](repeating: 0, count: Self.blockByteCount)
      }
      blocks[block]?.withUnsafeMutableBytes {
        UnsafeMutableRawBufferPointer(rebasing: $0[start..<start + length])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[done..<done + length]))
      }
    }
  }

  /// New bytes read as zero.
  mutating func resize(to newByteCount: UInt64) {
    let blockCount = (Int(newByteCount) + Self.blockByteCount - 1) / Self.blockByteCount
    if blockCount < blocks.count {
      blocks.removeLast(blocks.count - blockCount)
    } else {
      blocks.append(contentsOf: repeatElement(nil, count: blockCount - blocks.count))
    }
    let rest = Int(newByteCount) % Self.blockByteCount
    if newByteCount < byteCount, rest > 0 {
      blocks[blockCount - 1]?.replaceSubrange(
        rest..., with: repeatElement(0, count: Self.blockByteCount - rest))
    }
    byteCount = newByteCount
  }

  mutating func flipBit(_ bit: Int, at offset: UInt64) {
    var byte: UInt8 = 0
    _ = withUnsafeMutableBytes(of: &byte) { read(into: $0, at: offset) }
    byte ^= 1 << UInt8(bit)
    withUnsafeBytes(of: byte) { write($0, at: offset) }
  }

  /// Calls `body` for each part of a range that lies in one block.
  private static func forEachPiece(
    _ offset: Int, _ count: Int,
    _ body: (_ block: Int, _ start: Int, _ done: Int, _ length: Int) -> Void
  ) {
    var done = 0
    while done < count {
      let start = (offset + done) % blockByteCount
      let length = min(blockByteCount - start, count - done)
      body((offset + done) / blockByteCount, start, done, length)
      done += length
    }
  }
}

extension UnsafeRawBufferPointer {
  /// Whether all bytes are zero.
  fileprivate var isZero: Bool {
    guard count > 0, let start = baseAddress else { return true }
    return self[0] == 0 && memcmp(start, start + 1, count - 1) == 0
  }
}
