/// Reads the records of a write-ahead log, page by page, and counts what images of whole pages take
/// of it. Checksums are not verified: what is no record ends the page.
///
/// A record begins at a multiple of 8 bytes, with the number of its bytes u32 and 20 bytes more;
/// then come headers of blocks and of data, then the data. A block's header is
///
///     id u8 to 32   fork and flags u8   byteCount u16
///     with an image (16): byteCount u16, hole u16, flags u8, and compressed with a hole: u16
///     unless the relation is the one before (128): 12 bytes
///     block u32
public struct LogScan: Sendable {
  /// Bytes of whole records, and of the images in them.
  public private(set) var recordByteCount: UInt64 = 0
  public private(set) var imageByteCount: UInt64 = 0
  public private(set) var imageCount = 0

  /// Headers lie at the start of a record.
  private static let keptByteCountMax = 4096
  private static let headerByteCount = 24

  /// The record that goes on: what was read of it, how many bytes it has and how many are to come.
  private var kept: [UInt8] = []
  private var byteCount = 0
  private var openByteCount = 0
  private var next: WALPosition?

  public init() {}

  /// Reads the next page. One that does not follow the page before begins with its own first
  /// record.
  public mutating func read(_ bytes: [UInt8], _ page: LogPage) {
    var offset = page.headerByteCount
    if next != page.position || page.remainingByteCount != openByteCount {
      openByteCount = 0
      // Aligned, as all records.
      offset += ((page.remainingByteCount ?? 0) + 7) & ~7
    }
    next = WALPosition(page.position.byteOffset + UInt64(bytes.count))
    while offset + 8 <= bytes.count {
      if openByteCount == 0 {
        byteCount = (0..<4).reversed().reduce(0) { $0 << 8 | Int(bytes[offset + $1]) }
        guard byteCount >= Self.headerByteCount else { return next = nil }
        openByteCount = byteCount
        kept = []
      }
      let count = min(openByteCount, bytes.count - offset)
      kept += bytes[offset..<offset + min(count, max(0, Self.keptByteCountMax - kept.count))]
      openByteCount -= count
      offset = (offset + count + 7) & ~7
      if openByteCount == 0 { finish(page) }
    }
  }

  private mutating func finish(_ page: LogPage) {
    recordByteCount += UInt64(byteCount)
    var reader = Reader(rest: kept[...].dropFirst(Self.headerByteCount))
    var dataByteCount = 0
    while byteCount - Self.headerByteCount - reader.byteCount > dataByteCount {
      guard let id = reader.number(1) else { return }
      switch id {
      case 0...32:
        guard let flags = reader.number(1), let data = reader.number(2) else { return }
        dataByteCount += data
        if flags & 0x10 != 0 {
          guard let image = reader.image(isBeforeVersion15: page.isBeforeVersion15) else { return }
          dataByteCount += image
          imageByteCount += UInt64(image)
          imageCount += 1
        }
        guard reader.number(flags & 0x80 == 0 ? 16 : 4) != nil else { return }
      // Where the record comes from, and its outer transaction.
      case 253: _ = reader.number(2)
      case 252: _ = reader.number(4)
      // Data of the record itself, which comes last.
      default: return
      }
    }
  }

  private struct Reader {
    var rest: ArraySlice<UInt8>
    var byteCount = 0

    /// A little-endian number of that many bytes, of which the lowest count; `nil` at the end.
    mutating func number(_ count: Int) -> Int? {
      guard rest.count >= count else { return nil }
      defer {
        rest = rest.dropFirst(count)
        byteCount += count
      }
      return rest.prefix(min(count, 4)).reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    /// The header of an image; returns its byte count.
    mutating func image(isBeforeVersion15: Bool) -> Int? {
      guard let count = number(2), number(2) != nil, let flags = number(1) else { return nil }
      let isCompressed = flags & (isBeforeVersion15 ? 0x02 : 0x1C) != 0
      if isCompressed, flags & 1 != 0 { _ = number(2) }
      return count
    }
  }
}
