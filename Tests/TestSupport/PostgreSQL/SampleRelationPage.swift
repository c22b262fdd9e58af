/// Pages of relations, laid out by hand.
public enum SampleRelationPage {
  /// A page whose kind keeps `special` at its end.
  public static func page(special: [UInt8], rows: [[UInt8]] = []) -> [UInt8] {
    var page = [UInt8](repeating: 0, count: 8192)
    func put(_ value: Int, at offset: Int) {
      page[offset] = UInt8(value & 0xFF)
      page[offset + 1] = UInt8(value >> 8 & 0xFF)
    }
    page.replaceSubrange(8192 - special.count..<8192, with: special)
    var upper = 8192 - special.count
    for (index, row) in rows.enumerated() {
      upper -= (row.count + 7) & ~7
      page.replaceSubrange(upper..<upper + row.count, with: row)
      let item = upper | 1 << 15 | row.count << 17
      put(item & 0xFFFF, at: 24 + 4 * index)
      put(item >> 16, at: 26 + 4 * index)
    }
    put(24 + 4 * rows.count, at: 12)
    put(upper, at: 14)
    put(8192 - special.count, at: 16)
    put(8192 | 4, at: 18)
    return page
  }

  /// A row of a number, a number, and a value whose length stands in four bytes.
  public static func row(columnCount: UInt8, valueByteCount: Int) -> [UInt8] {
    var row = [UInt8](repeating: 0, count: 32 + valueByteCount)
    row[18] = columnCount
    row[22] = 24
    row[32] = UInt8(valueByteCount << 2 & 0xFF)
    row[33] = UInt8(valueByteCount >> 6)
    return row
  }
}
