/// Where the bytes of a stream come from: a descriptor, or memory in tests.
package protocol TransferInput: AnyObject {
  /// Reads some bytes, at least one unless the stream has ended or `buffer` is empty.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int
  /// Passes over that many bytes without reading them; returns whether it did. They may lie behind
  /// the end.
  func skip(_ byteCount: UInt64) -> Bool
}

extension TransferInput {
  package func skip(_ byteCount: UInt64) -> Bool { false }
}

/// Buffers small reads of a stream and passes large ones through.
struct TarInput {
  private static let bufferByteCount = 64 << 10

  private let source: any TransferInput
  private var buffer = [UInt8](repeating: 0, count: bufferByteCount)
  private var available = 0..<0
  /// Bytes handed out so far.
  private(set) var offset: UInt64 = 0

  init(_ source: any TransferInput) { self.source = source }

  /// Fills `target` unless the stream ends before; returns how much.
  mutating func read(into target: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
    var filled = 0
    while filled < target.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: target[filled...])
      let count: Int
      if !available.isEmpty {
        count = takeBuffered(into: rest)
      } else if rest.count >= Self.bufferByteCount {
        count = try source.read(into: rest)
      } else {
        try refill()
        count = takeBuffered(into: rest)
      }
      if count == 0 { break }
      filled += count
    }
    offset += UInt64(filled)
    return filled
  }

  /// Passes over that many bytes; returns how many are still to be read.
  mutating func skip(_ byteCount: UInt64) -> UInt64 {
    let count = min(UInt64(available.count), byteCount)
    available = available.lowerBound + Int(count)..<available.upperBound
    offset += count
    guard byteCount > count, source.skip(byteCount - count) else { return byteCount - count }
    offset += byteCount - count
    return 0
  }

  private mutating func takeBuffered(into target: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(available.count, target.count)
    let start = available.lowerBound
    buffer.withUnsafeBytes {
      target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<start + count]))
    }
    available = start + count..<available.upperBound
    return count
  }

  private mutating func refill() throws(StoreError) {
    let count = try buffer.withUnsafeMutableBufferPointer { bytes throws(StoreError) in
      try source.read(into: UnsafeMutableRawBufferPointer(bytes))
    }
    available = 0..<count
  }
}
