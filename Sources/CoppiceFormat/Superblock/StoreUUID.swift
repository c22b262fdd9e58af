/// The identity of a store: 16 random bytes that its files repeat, so that a file of another
/// store is never taken for one of this.
@frozen
public struct StoreUUID: Hashable, Sendable {
  public static let byteCount = 16
  /// Bytes 0-7 and 8-15, little-endian.
  public var low: UInt64
  public var high: UInt64

  @inlinable public init(low: UInt64, high: UInt64) {
    self.low = low
    self.high = high
  }

  init(_ block: UnsafeRawBufferPointer, at offset: Int) {
    self.init(low: block.integer(at: offset), high: block.integer(at: offset + 8))
  }

  func store(to block: UnsafeMutableRawBufferPointer, at offset: Int) {
    block.store(integer: low, at: offset)
    block.store(integer: high, at: offset + 8)
  }
}

extension StoreUUID: CustomStringConvertible {
  /// The usual text: 8-4-4-4-12 hexadecimal digits.
  public var description: String {
    var text = ""
    for index in 0..<16 {
      let word = index < 8 ? low : high
      let byte = UInt8(truncatingIfNeeded: word >> UInt64(8 * (index % 8)))
      if [4, 6, 8, 10].contains(index) { text += "-" }
      text += (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
    return text
  }
}
