/// The header of a page of the write-ahead log. Little-endian:
///
///     0   magic u16   2   flags u16   4   timeline u32   8   position u64   16  remaining u32
///
/// and 4 bytes of nothing; the first page of a file has 16 bytes more.
public struct LogPage: Hashable, Sendable {
  public static let byteCount = 8192
  /// Versions 14 to 18; each major version has one of these.
  private static let known: ClosedRange<UInt16> = 0xD10D...0xD118
  private static let firstOfVersion15: UInt16 = 0xD110

  /// Where in the log it lies: what a file had before it was taken for another part stays in it
  /// until that is written.
  public let position: WALPosition
  let headerByteCount: Int
  /// Bytes of a record that began on a page before; `nil` where none goes on.
  let remainingByteCount: Int?
  let isBeforeVersion15: Bool

  /// `nil` for what is no page of a log that is known, such as zeros.
  public init?(_ bytes: [UInt8]) {
    guard bytes.count >= 24 else { return nil }
    func number<Number: FixedWidthInteger>(_ offset: Int) -> Number {
      bytes[offset..<offset + Number.bitWidth / 8].reversed().reduce(0) { $0 << 8 | Number($1) }
    }
    let magic: UInt16 = number(0)
    guard Self.known.contains(magic) else { return nil }
    let flags: UInt16 = number(2)
    position = WALPosition(number(8))
    headerByteCount = flags & 2 == 0 ? 24 : 40
    remainingByteCount = flags & 1 == 0 ? nil : Int(number(16) as UInt32)
    isBeforeVersion15 = magic < Self.firstOfVersion15
  }
}
