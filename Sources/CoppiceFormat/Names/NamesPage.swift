/// A page of the names tree, read in place.
///
///      0  magic u32 "CNPG"      4  kind u8        5  level u8 (0 leaf)    6  cellCount u16
///      8  heapStart u32: first byte in use by cells, which fill the page from its end
///     12  garbageByteCount u32: bytes of removed cells above heapStart, zeros
///     16  next u32: overflow and free pages: the next one of the chain, or 0
///     20  payloadByteCount u32: overflow pages: bytes of the value in this page, from 24 on
///     24  slots u16 * cellCount: offsets of the cells in key order
///
///     cell: keyByteCount u16, valueByteCount u15 | isOverflow << 15, key, value
///
/// In a leaf the value is a record or, with the overflow bit, a `NamesOverflow`. In an inner page
/// it is the child's page number, u32; the key is the lower bound of the child's keys, and that of
/// the first cell is empty. Every access checks bounds, so damaged pages throw and never trap.
public struct NamesPage {
  public enum Kind: UInt8, Sendable {
    case leaf = 1
    case inner = 2
    case overflow = 3
    case free = 4
  }

  public static let magic: UInt32 = 0x4750_4E43
  public static let headerByteCount = 24
  /// Slots are 16 bits wide.
  public static let byteCountMax = 65536
  public static let cellHeaderByteCount = 4
  static let overflowBit: UInt16 = 0x8000

  public let bytes: UnsafeRawBufferPointer

  /// Checks the header. The bytes must stay as they are while the view is in use.
  public init(_ bytes: UnsafeRawBufferPointer) throws(FormatError) {
    guard bytes.count >= Self.headerByteCount else {
      throw .truncated(
        what: "names page", needed: Self.headerByteCount, available: bytes.count)
    }
    guard bytes.count <= Self.byteCountMax else {
      throw .outOfRange(
        what: "names page byte count", value: UInt64(bytes.count), limit: UInt64(Self.byteCountMax))
    }
    self.bytes = bytes
    let magic = bytes.integer(at: 0, as: UInt32.self)
    guard magic == Self.magic else { throw .badMagic(what: "names page", found: UInt64(magic)) }
    guard Kind(rawValue: bytes[4]) != nil else {
      throw .outOfRange(what: "names page kind", value: UInt64(bytes[4]), limit: 4)
    }
    guard cellsStart <= bytes.count else {
      throw .outOfRange(
        what: "names page cell count", value: UInt64(cellCount), limit: UInt64(bytes.count / 2))
    }
  }

  public var kind: Kind { Kind(rawValue: bytes[4]) ?? .free }
  public var level: Int { Int(bytes[5]) }
  public var cellCount: Int { Int(bytes.integer(at: 6, as: UInt16.self)) }
  public var heapStart: Int { Int(bytes.integer(at: 8, as: UInt32.self)) }
  public var garbageByteCount: Int { Int(bytes.integer(at: 12, as: UInt32.self)) }
  public var next: UInt32 { bytes.integer(at: 16, as: UInt32.self) }
  /// The first byte behind the slots.
  var cellsStart: Int { Self.headerByteCount + 2 * cellCount }

  /// The largest cell, so that at least four fit into a page.
  public static func cellByteCountMax(pageByteCount: Int) -> Int {
    (pageByteCount - headerByteCount) / 4 - 2
  }

  public struct Cell {
    public let key: UnsafeRawBufferPointer
    public let value: UnsafeRawBufferPointer
    public let isOverflow: Bool
    public var byteCount: Int { NamesPage.cellHeaderByteCount + key.count + value.count }
  }

  public func cell(at index: Int) throws(FormatError) -> Cell {
    guard index >= 0, index < cellCount else {
      throw .outOfRange(
        what: "names cell index", value: UInt64(bitPattern: Int64(index)), limit: UInt64(cellCount))
    }
    let offset = Int(bytes.integer(at: Self.headerByteCount + 2 * index, as: UInt16.self))
    guard offset >= cellsStart, offset + Self.cellHeaderByteCount <= bytes.count else {
      throw .outOfRange(
        what: "names cell offset", value: UInt64(offset), limit: UInt64(bytes.count))
    }
    let keyByteCount = Int(bytes.integer(at: offset, as: UInt16.self))
    let valueWord = bytes.integer(at: offset + 2, as: UInt16.self)
    let valueByteCount = Int(valueWord & ~Self.overflowBit)
    let keyStart = offset + Self.cellHeaderByteCount
    let end = keyStart + keyByteCount + valueByteCount
    guard end <= bytes.count else {
      throw .truncated(what: "names cell", needed: end, available: bytes.count)
    }
    return Cell(
      key: bytes.slice(keyStart..<keyStart + keyByteCount),
      value: bytes.slice(keyStart + keyByteCount..<end),
      isOverflow: valueWord & Self.overflowBit != 0)
  }

  /// The first cell whose key is not below `key`, and whether it is equal. O(log n).
  public func search(_ key: UnsafeRawBufferPointer) throws(FormatError)
    -> (index: Int, isFound: Bool)
  {
    var low = 0
    var high = cellCount
    while low < high {
      let middle = (low + high) / 2
      let order = Self.compare(try cell(at: middle).key, key)
      if order == 0 { return (middle, true) }
      if order < 0 { low = middle + 1 } else { high = middle }
    }
    return (low, false)
  }

  /// The cell of an inner page whose child may hold `key`. O(log n).
  public func childIndex(for key: UnsafeRawBufferPointer) throws(FormatError) -> Int {
    guard kind == .inner, cellCount > 0 else {
      throw .malformed(what: "names inner page")
    }
    let (index, isFound) = try search(key)
    return isFound ? index : max(index - 1, 0)
  }

  /// The page number in a cell of an inner page.
  public func child(at index: Int) throws(FormatError) -> UInt32 {
    let value = try cell(at: index).value
    guard value.count == 4 else {
      throw .outOfRange(what: "names child byte count", value: UInt64(value.count), limit: 4)
    }
    return value.integer(at: 0)
  }

  /// The part of a value that an overflow page holds.
  public func overflowPayload() throws(FormatError) -> UnsafeRawBufferPointer {
    let count = Int(bytes.integer(at: 20, as: UInt32.self))
    guard kind == .overflow, count <= bytes.count - Self.headerByteCount else {
      throw .outOfRange(
        what: "names overflow byte count", value: UInt64(count), limit: UInt64(bytes.count))
    }
    return bytes.slice(Self.headerByteCount..<Self.headerByteCount + count)
  }

  /// Checks everything that holds for a page by itself: cells lie apart in the heap and account for
  /// all of it, keys ascend, values have the shape their page asks for. O(n log n).
  public func validate() throws(FormatError) {
    guard kind == .leaf || kind == .inner else { return }
    guard (level == 0) == (kind == .leaf) else {
      throw .malformed(what: "names page level")
    }
    guard heapStart >= cellsStart, heapStart <= bytes.count else {
      throw .outOfRange(
        what: "names heap start", value: UInt64(heapStart), limit: UInt64(bytes.count))
    }
    var cellBytes = 0
    var previous: UnsafeRawBufferPointer?
    var extents: [(offset: Int, end: Int)] = []
    extents.reserveCapacity(cellCount)
    for index in 0..<cellCount {
      let cell = try cell(at: index)
      cellBytes += cell.byteCount
      let offset = Int(bytes.integer(at: Self.headerByteCount + 2 * index, as: UInt16.self))
      extents.append((offset, offset + cell.byteCount))
      if let previous, Self.compare(previous, cell.key) >= 0 {
        throw .malformed(what: "names page key order")
      }
      previous = cell.key
      try validate(cell, at: index)
    }
    guard cellBytes + garbageByteCount == bytes.count - heapStart else {
      throw .malformed(what: "names page heap")
    }
    extents.sort { $0.offset < $1.offset }
    var end = heapStart
    for extent in extents {
      guard extent.offset >= end else { throw .malformed(what: "names page cells overlap") }
      end = extent.end
    }
  }

  private func validate(_ cell: Cell, at index: Int) throws(FormatError) {
    guard cell.key.count <= NamesKey.byteCountMax else {
      throw .outOfRange(
        what: "names key byte count", value: UInt64(cell.key.count),
        limit: UInt64(NamesKey.byteCountMax))
    }
    guard cell.byteCount <= Self.cellByteCountMax(pageByteCount: bytes.count) else {
      throw .outOfRange(
        what: "names cell byte count", value: UInt64(cell.byteCount), limit: UInt64(bytes.count))
    }
    if kind == .inner {
      guard try child(at: index) != 0, cell.key.isEmpty == (index == 0) else {
        throw .malformed(what: "names inner cell")
      }
    } else if cell.isOverflow {
      _ = try NamesOverflow(decoding: cell.value)
    }
  }

  /// Negative, zero or positive as `a` orders before, with or after `b`, byte by byte.
  public static func compare(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
    let common = min(a.count, b.count)
    var index = 0
    while index < common {
      if a[index] != b[index] { return Int(a[index]) - Int(b[index]) }
      index += 1
    }
    return a.count - b.count
  }
}
