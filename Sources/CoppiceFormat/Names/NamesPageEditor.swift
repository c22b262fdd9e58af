/// Changes a names page in place, touching as few bytes as it can.
///
/// Bytes that are freed become zero: what was removed is nowhere in the page, and so in no copy of
/// it that is stored from then on.
///
/// The page must have passed `NamesPage.validate()` or been made by `initialize`; what follows
/// keeps it valid. Wrong arguments are the caller's bug and stop the program. Layout: see
/// `NamesPage`.
public struct NamesPageEditor {
  public let bytes: UnsafeMutableRawBufferPointer

  public init(_ bytes: UnsafeMutableRawBufferPointer) { self.bytes = bytes }

  private var heapStart: Int {
    get { Int(UnsafeRawBufferPointer(bytes).integer(at: 8, as: UInt32.self)) }
    nonmutating set { bytes.store(integer: UInt32(newValue), at: 8) }
  }
  private var garbageByteCount: Int {
    get { Int(UnsafeRawBufferPointer(bytes).integer(at: 12, as: UInt32.self)) }
    nonmutating set { bytes.store(integer: UInt32(newValue), at: 12) }
  }
  public private(set) var cellCount: Int {
    get { Int(UnsafeRawBufferPointer(bytes).integer(at: 6, as: UInt16.self)) }
    nonmutating set { bytes.store(integer: UInt16(newValue), at: 6) }
  }
  private var cellsStart: Int { NamesPage.headerByteCount + 2 * cellCount }

  /// Bytes that cells and their slots occupy.
  public var usedByteCount: Int { bytes.count - heapStart - garbageByteCount + 2 * cellCount }
  /// Bytes that cells and their slots may occupy.
  public var capacity: Int { bytes.count - NamesPage.headerByteCount }

  /// Makes an empty leaf (level 0) or inner page: zeros behind its header.
  public func initialize(level: Int) {
    let kind: NamesPage.Kind = level == 0 ? .leaf : .inner
    writeHeader(kind, level: level, next: 0, payloadByteCount: 0)
    zero(NamesPage.headerByteCount..<bytes.count)
  }

  /// Makes an overflow page that holds `payload`.
  public func initializeOverflow(_ payload: UnsafeRawBufferPointer, next: UInt32) {
    precondition(payload.count <= capacity)
    writeHeader(.overflow, level: 0, next: next, payloadByteCount: payload.count)
    UnsafeMutableRawBufferPointer(rebasing: bytes[NamesPage.headerByteCount...])
      .copyMemory(from: payload)
    zero(NamesPage.headerByteCount + payload.count..<bytes.count)
  }

  /// Makes a free page: zeros behind its header.
  public func initializeFree(next: UInt32) {
    writeHeader(.free, level: 0, next: next, payloadByteCount: 0)
    zero(NamesPage.headerByteCount..<bytes.count)
  }

  /// Whether a cell would fit, if need be after `compact()`.
  public func fits(keyByteCount: Int, valueByteCount: Int) -> Bool {
    usedByteCount + 2 + NamesPage.cellHeaderByteCount + keyByteCount + valueByteCount <= capacity
  }

  /// Puts a cell at `index`; it must fit.
  public func insert(
    at index: Int, key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, isOverflow: Bool
  ) {
    let count = cellCount
    let need = NamesPage.cellHeaderByteCount + key.count + value.count
    precondition(index >= 0 && index <= count)
    precondition(fits(keyByteCount: key.count, valueByteCount: value.count))
    if heapStart - cellsStart < need + 2 { compact() }
    let offset = heapStart - need
    let slots = NamesPage.headerByteCount
    if let base = bytes.baseAddress, index < count {
      (base + slots + 2 * (index + 1)).copyMemory(
        from: base + slots + 2 * index, byteCount: 2 * (count - index))
    }
    bytes.store(integer: UInt16(offset), at: slots + 2 * index)
    cellCount = count + 1
    heapStart = offset
    writeCell(at: offset, key: key, value: value, isOverflow: isOverflow)
  }

  public func remove(at index: Int) {
    let count = cellCount
    let (offset, byteCount) = extent(ofCell: index)
    let slots = NamesPage.headerByteCount
    if let base = bytes.baseAddress, index + 1 < count {
      (base + slots + 2 * index).copyMemory(
        from: base + slots + 2 * (index + 1), byteCount: 2 * (count - index - 1))
    }
    zero(slots + 2 * (count - 1)..<slots + 2 * count)
    zero(offset..<offset + byteCount)
    cellCount = count - 1
    if count == 1 {
      heapStart = bytes.count
      garbageByteCount = 0
    } else if offset == heapStart {
      heapStart += byteCount
    } else {
      garbageByteCount += byteCount
    }
  }

  /// Replaces a cell's value; the new one must fit once the old one is gone.
  public func replaceValue(
    at index: Int, key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, isOverflow: Bool
  ) {
    let (offset, byteCount) = extent(ofCell: index)
    if byteCount == NamesPage.cellHeaderByteCount + key.count + value.count {
      writeCell(at: offset, key: key, value: value, isOverflow: isOverflow)
    } else {
      remove(at: index)
      insert(at: index, key: key, value: value, isOverflow: isOverflow)
    }
  }

  /// Whether `replaceValue` with these byte counts would fit.
  public func fitsReplacing(at index: Int, keyByteCount: Int, valueByteCount: Int) -> Bool {
    let old = extent(ofCell: index).byteCount
    let new = NamesPage.cellHeaderByteCount + keyByteCount + valueByteCount
    return usedByteCount - old + new <= capacity
  }

  /// Gathers the cells at the page's end, in key order.
  public func compact() {
    let copy = [UInt8](UnsafeRawBufferPointer(bytes))
    let count = cellCount
    var end = bytes.count
    copy.withUnsafeBytes { old in
      for index in 0..<count {
        let (offset, byteCount) = Self.extent(ofCell: index, in: old)
        end -= byteCount
        UnsafeMutableRawBufferPointer(rebasing: bytes[end..<end + byteCount])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: old[offset..<offset + byteCount]))
        bytes.store(integer: UInt16(end), at: NamesPage.headerByteCount + 2 * index)
      }
    }
    zero(cellsStart..<end)
    heapStart = end
    garbageByteCount = 0
  }

  private func zero(_ range: Range<Int>) {
    UnsafeMutableRawBufferPointer(rebasing: bytes[range])
      .initializeMemory(as: UInt8.self, repeating: 0)
  }

  private func extent(ofCell index: Int) -> (offset: Int, byteCount: Int) {
    precondition(index >= 0 && index < cellCount)
    return Self.extent(ofCell: index, in: UnsafeRawBufferPointer(bytes))
  }

  private static func extent(
    ofCell index: Int, in page: UnsafeRawBufferPointer
  ) -> (offset: Int, byteCount: Int) {
    func load(_ offset: Int) -> Int {
      Int(page.integer(at: offset, as: UInt16.self))
    }
    let offset = load(NamesPage.headerByteCount + 2 * index)
    let valueByteCount = load(offset + 2) & Int(~NamesPage.overflowBit)
    return (offset, NamesPage.cellHeaderByteCount + load(offset) + valueByteCount)
  }

  private func writeCell(
    at offset: Int, key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, isOverflow: Bool
  ) {
    let valueWord = UInt16(value.count) | (isOverflow ? NamesPage.overflowBit : 0)
    bytes.store(integer: UInt16(key.count), at: offset)
    bytes.store(integer: valueWord, at: offset + 2)
    let keyStart = offset + NamesPage.cellHeaderByteCount
    let valueStart = keyStart + key.count
    UnsafeMutableRawBufferPointer(rebasing: bytes[keyStart..<valueStart]).copyMemory(from: key)
    UnsafeMutableRawBufferPointer(rebasing: bytes[valueStart..<valueStart + value.count])
      .copyMemory(from: value)
  }

  private func writeHeader(
    _ kind: NamesPage.Kind, level: Int, next: UInt32, payloadByteCount: Int
  ) {
    bytes.store(integer: NamesPage.magic, at: 0)
    bytes[4] = kind.rawValue
    bytes[5] = UInt8(level)
    bytes.store(integer: UInt16(0), at: 6)
    bytes.store(integer: UInt32(bytes.count), at: 8)
    bytes.store(integer: UInt32(0), at: 12)
    bytes.store(integer: next, at: 16)
    bytes.store(integer: UInt32(payloadByteCount), at: 20)
  }
}
