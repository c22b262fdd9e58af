/// Page 0 of the names tree.
///
///      0  magic u32 "CNTR"     4  version u16      6  depth u16: pages on the way to a leaf
///      8  pageByteCount u32   12  root u32: page number
///     16  pageCount u32: pages in use or free, this one included
///     20  firstFreePage u32: 0 when none          24  freePageCount u32
///     28  reserved u32        32  cellCount u64: keys in all leaves
public struct NamesTreeHeader: Hashable, Sendable {
  public static let byteCount = 40
  public static let magic: UInt32 = 0x5254_4E43
  public static let version: UInt16 = 1
  /// Deeper trees do not exist: four cells a page at least, 2^32 pages at most.
  static let depthMax: UInt16 = 16

  public var pageByteCount: Int
  public var depth: Int
  public var root: UInt32
  public var pageCount: UInt32
  public var firstFreePage: UInt32
  public var freePageCount: UInt32
  public var cellCount: UInt64

  /// A tree of one empty leaf in page 1.
  public init(pageByteCount: Int) {
    self.pageByteCount = pageByteCount
    depth = 1
    root = 1
    pageCount = 2
    firstFreePage = 0
    freePageCount = 0
    cellCount = 0
  }

  public init(decoding page: UnsafeRawBufferPointer) throws(FormatError) {
    var reader = ByteReader(page, what: "names tree header")
    let magic: UInt32 = try reader.integer()
    guard magic == Self.magic else {
      throw .badMagic(what: "names tree header", found: UInt64(magic))
    }
    let version: UInt16 = try reader.integer()
    guard version == Self.version else {
      throw .unsupportedVersion(what: "names tree", found: UInt32(version))
    }
    depth = Int(try reader.integer("names tree depth", atMost: Self.depthMax))
    pageByteCount = Int(try reader.integer(as: UInt32.self))
    root = try reader.integer()
    pageCount = try reader.integer()
    firstFreePage = try reader.integer()
    freePageCount = try reader.integer()
    _ = try reader.integer(as: UInt32.self)
    cellCount = try reader.integer()
    guard depth >= 1, pageByteCount == page.count else {
      throw .malformed(what: "names tree header")
    }
    guard root != 0, root < pageCount else {
      throw .outOfRange(what: "names root page", value: UInt64(root), limit: UInt64(pageCount))
    }
    guard firstFreePage < pageCount, freePageCount < pageCount,
      (firstFreePage == 0) == (freePageCount == 0)
    else {
      throw .outOfRange(
        what: "names free page", value: UInt64(firstFreePage), limit: UInt64(pageCount))
    }
  }

  /// Writes the header to the start of page 0; the rest of the page stays as it is.
  public func encode(into page: UnsafeMutableRawBufferPointer) {
    precondition(page.count >= Self.byteCount)
    page.store(integer: Self.magic, at: 0)
    page.store(integer: Self.version, at: 4)
    page.store(integer: UInt16(depth), at: 6)
    page.store(integer: UInt32(pageByteCount), at: 8)
    page.store(integer: root, at: 12)
    page.store(integer: pageCount, at: 16)
    page.store(integer: firstFreePage, at: 20)
    page.store(integer: freePageCount, at: 24)
    page.store(integer: UInt32(0), at: 28)
    page.store(integer: cellCount, at: 32)
  }
}
