internal import CoppiceFormat
internal import CoppicePlatform

/// Reads a range of bytes out of pages.
struct PageCopier {
  let pageByteCount: Int

  /// The pages of a read that is long enough to read ahead; `nil` for a short one.
  func aheadPages(at offset: UInt64, end: UInt64, byteCount: Int) -> Range<UInt64>? {
    let unit = UInt64(pageByteCount)
    guard byteCount >= FrameReader.aheadPageCountMin * pageByteCount, offset < end else {
      return nil
    }
    let stop = offset + min(UInt64(byteCount), end - offset)
    return offset / unit..<(stop + unit - 1) / unit
  }

  /// Copies the bytes from `offset` up to `end`, as many as fit; returns how many. `page` gives
  /// each page, nil for one of zeros.
  func read(
    at offset: UInt64, end: UInt64, into buffer: UnsafeMutableRawBufferPointer,
    page: (PageNumber) throws(StoreError) -> PageBuffer?
  ) throws(StoreError) -> Int {
    guard offset < end, let target = buffer.baseAddress else { return 0 }
    let stop = offset + min(UInt64(buffer.count), end - offset)
    var place = offset
    while place < stop {
      let number = place / UInt64(pageByteCount)
      let start = Int(place - number * UInt64(pageByteCount))
      let count = min(pageByteCount - start, Int(stop - place))
      let to = target + Int(place - offset)
      if let found = try page(PageNumber(number)) {
        to.copyMemory(from: found.bytes + start, byteCount: count)
      } else {
        to.initializeMemory(as: UInt8.self, repeating: 0, count: count)
      }
      place += UInt64(count)
    }
    return Int(stop - offset)
  }
}
