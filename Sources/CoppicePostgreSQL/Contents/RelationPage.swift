/// What a page of a relation tells of it, by its layout alone. 8,192 bytes, little-endian:
///
///     0   lsn u64   8   checksum u16   10  flags u16   12  lower u16   14  upper u16
///     16  special u16   18  byteCount | version u16   20  prunable u32   24  items u32 *
///
/// Behind `special` lies what the relation's kind keeps in each page: tables nothing, indexes 16
/// bytes, or 8, with a mark of theirs in the last two.
struct RelationPage {
  static let byteCount = 8192
  private static let headerByteCount = 24
  /// The byte count, and 4, the version of the layout since PostgreSQL 8.3.
  private static let layout: UInt16 = 8192 | 4

  private let bytes: [UInt8]
  private let special: Int

  /// `nil` for what is no page, as one of zeros.
  init?(_ bytes: [UInt8]) {
    guard bytes.count == Self.byteCount else { return nil }
    self.bytes = bytes
    special = Int(Self.word(bytes, 16))
    let (lower, upper) = (Int(Self.word(bytes, 12)), Int(Self.word(bytes, 14)))
    guard Self.word(bytes, 18) == Self.layout, Self.headerByteCount <= lower, lower <= upper,
      upper <= special, special <= Self.byteCount
    else { return nil }
  }

  /// What the relation is; `nil` where the page does not tell.
  var content: ClusterContent? {
    switch Self.byteCount - special {
    case 0: isToast ? .toast : .heap
    // B-trees, hash and GiST indexes.
    case 16: .index
    case 8 where Self.word(bytes, special) == Self.sequenceMark: .heap
    // GIN, SP-GiST and BRIN indexes.
    case 8: .index
    default: nil
    }
  }

  /// A sequence is a table of one row, but for this in its page.
  private static let sequenceMark: UInt16 = 0x1717

  // MARK: TOAST

  private static let toastColumnCount: UInt16 = 3
  private static let toastHeaderByteCount = 24
  /// A whole piece of a value, with its length: four fit into a page.
  private static let toastPieceByteCount = 2000

  /// Whether each row is a number, a number, and bytes to its end, and one of them is as long as a
  /// whole piece of a value.
  private var isToast: Bool {
    var hasWholePiece = false
    let lower = Int(Self.word(bytes, 12))
    for place in stride(from: Self.headerByteCount, to: lower, by: 4) {
      let item = UInt32(Self.word(bytes, place)) | UInt32(Self.word(bytes, place + 2)) << 16
      let (offset, state, count) = (Int(item & 0x7FFF), item >> 15 & 3, Int(item >> 17))
      guard state == 1 else { continue }
      guard count > Self.toastHeaderByteCount + 8, offset + count <= Self.byteCount,
        Self.word(bytes, offset + 18) & 0x7FF == Self.toastColumnCount,
        Int(bytes[offset + 22]) == Self.toastHeaderByteCount
      else { return false }
      let value = offset + Self.toastHeaderByteCount + 8
      let valueByteCount = self.valueByteCount(at: value)
      guard value + valueByteCount == offset + count else { return false }
      if valueByteCount == Self.toastPieceByteCount { hasWholePiece = true }
    }
    return hasWholePiece
  }

  /// Of a value of variable length, with its length: in one byte, odd, or in four.
  private func valueByteCount(at offset: Int) -> Int {
    if bytes[offset] & 1 != 0 { return Int(bytes[offset] >> 1) }
    guard offset + 4 <= bytes.count else { return 0 }
    return Int(
      (UInt32(Self.word(bytes, offset)) | UInt32(Self.word(bytes, offset + 2)) << 16) >> 2)
  }

  private static func word(_ bytes: [UInt8], _ offset: Int) -> UInt16 {
    UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8
  }
}
