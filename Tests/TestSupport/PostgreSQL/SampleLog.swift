/// A write-ahead log, laid out by hand.
public enum SampleLog {
  private static let pageByteCount = 8192

  private static func bytes(_ value: UInt64, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
  }

  /// A record with an image of that many bytes, and `dataByteCount` of its own.
  public static func record(image: Int?, dataByteCount: Int, isCompressed: Bool = false) -> [UInt8]
  {
    var body: [UInt8] = []
    if let image {
      body += [0, 0x10] + bytes(0, 2) + bytes(UInt64(image), 2) + bytes(0, 2)
      body += isCompressed ? [0x05] + bytes(7, 2) : [0x03]
      body += [UInt8](repeating: 1, count: 16)
    }
    body += [254] + bytes(UInt64(dataByteCount), 4)
    body += [UInt8](repeating: 9, count: (image ?? 0) + dataByteCount)
    return bytes(UInt64(24 + body.count), 4) + [UInt8](repeating: 0, count: 20) + body
  }

  /// The pages of a log of these records, each of which begins at a multiple of 8 bytes.
  public static func pages(_ records: [[UInt8]], from position: UInt64 = 1 << 24) -> [[UInt8]] {
    var rest: [UInt8] = []
    var places: [Range<Int>] = []
    for record in records {
      places.append(rest.count..<rest.count + record.count)
      rest += record + [UInt8](repeating: 0, count: -record.count & 7)
    }
    var pages: [[UInt8]] = []
    var done = 0
    while done < rest.count {
      let isFirst = pages.isEmpty
      let open = places.first { $0.lowerBound < done && $0.upperBound > done }
      var page = bytes(0xD110, 2) + bytes((isFirst ? 2 : 0) + (open == nil ? 0 : 1), 2)
      page += bytes(1, 4) + bytes(position + UInt64(pages.count * pageByteCount), 8)
      page += bytes(UInt64(open.map { $0.upperBound - done } ?? 0), 4) + bytes(0, 4)
      if isFirst { page += [UInt8](repeating: 0, count: 16) }
      let count = min(pageByteCount - page.count, rest.count - done)
      page += rest[done..<done + count]
      page += [UInt8](repeating: 0, count: pageByteCount - page.count)
      done += count
      pages.append(page)
    }
    return pages
  }
}
