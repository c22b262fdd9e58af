/// Finds the role that a cluster was made with, a superuser, in the files of a data directory: it
/// is the one whose name nobody has to know to ask a server for the others'.
///
/// Its row has the object number 10 in the shared table of roles. Which file that table has, the
/// map in `global/pg_filenode.map` says. Layouts are those of PostgreSQL's relmapper, bufpage and
/// pg_authid, the same from version 14 to 18.
public enum BootstrapRole {
  public static let mapName = "pg_filenode.map"

  private static let tableNumber: UInt32 = 1260
  private static let roleNumber: UInt32 = 10
  private static let mapMagic: UInt32 = 0x592717
  private static let mapCountMax = 64

  /// The name in `global` of the file that has the roles; `nil` for bytes that are no map, or name
  /// none.
  public static func fileName(inMap bytes: [UInt8]) -> String? {
    guard number(bytes, 0) == mapMagic, let count = number(bytes, 4), count <= mapCountMax else {
      return nil
    }
    for index in 0..<Int(count) where number(bytes, 8 + index * 8) == tableNumber {
      return number(bytes, 12 + index * 8).map { "\($0)" }
    }
    return nil
  }

  private static let pageByteCount = 8192
  private static let headerByteCount = 24
  private static let nameByteCount = 64

  /// The names that versions of its row have, newest last as far as the places in a page tell.
  /// There is more than one once it was renamed; the log may have a newer one.
  public static func names(inRoles bytes: [UInt8]) -> [String] {
    var names: [String] = []
    for start in stride(from: 0, through: bytes.count - pageByteCount, by: pageByteCount) {
      let page = bytes[start..<start + pageByteCount]
      let end = Int(halfWord(page, 12))
      guard end >= headerByteCount, end <= pageByteCount else { continue }
      for place in stride(from: headerByteCount, through: end - 4, by: 4) {
        guard let name = name(of: number(page, place) ?? 0, in: page) else { continue }
        names.removeAll { $0.utf8.elementsEqual(name.utf8) }
        names.append(name)
      }
    }
    return names
  }

  /// Of the row that an item of a page leads to.
  private static func name(of item: UInt32, in page: ArraySlice<UInt8>) -> String? {
    let isNormal = item >> 15 & 3 == 1
    let (offset, count) = (Int(item & 0x7FFF), Int(item >> 17))
    guard isNormal, count >= 23, offset + count <= pageByteCount else { return nil }
    let data = offset + Int(page[page.startIndex + offset + 22])
    guard data + 4 + nameByteCount <= offset + count, number(page, data) == roleNumber else {
      return nil
    }
    let first = page.startIndex + data + 4
    let name = page[first..<first + nameByteCount].prefix { $0 != 0 }
    return name.isEmpty ? nil : String(validating: name, as: UTF8.self)
  }

  private static func number(_ bytes: some RandomAccessCollection<UInt8>, _ offset: Int) -> UInt32?
  {
    guard offset >= 0, offset + 4 <= bytes.count else { return nil }
    return bytes.dropFirst(offset).prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }

  private static func halfWord(_ page: ArraySlice<UInt8>, _ offset: Int) -> UInt16 {
    UInt16(page[page.startIndex + offset]) | UInt16(page[page.startIndex + offset + 1]) << 8
  }
}
