/// A place in a cluster's write-ahead log: the number of bytes before it, in all of its time.
public struct WALPosition: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let byteOffset: UInt64

  public init(_ byteOffset: UInt64) { self.byteOffset = byteOffset }

  /// From what `description` is; `nil` for another text.
  public init?(_ text: String) {
    let halves = text.split(separator: "/", omittingEmptySubsequences: false)
    // A number may have a sign.
    guard halves.count == 2, text.utf8.allSatisfy({ $0 != UInt8(ascii: "+") }),
      let high = UInt32(halves[0], radix: 16),
      let low = UInt32(halves[1], radix: 16)
    else { return nil }
    byteOffset = UInt64(high) << 32 | UInt64(low)
  }

  public static func < (left: Self, right: Self) -> Bool { left.byteOffset < right.byteOffset }

  /// As PostgreSQL writes it: the two halves in hexadecimal, `0/16EF458`.
  public var description: String {
    let halves = [byteOffset >> 32, byteOffset & 0xFFFF_FFFF]
    return halves.map { String($0, radix: 16, uppercase: true) }.joined(separator: "/")
  }
}
