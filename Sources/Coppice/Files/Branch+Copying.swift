public import CoppiceEngine
internal import CoppiceFormat

extension Branch {
  /// Copies a range of one file's content to another place, in this file or another one of the
  /// branch. Holes stay holes, and what is stored already is found again when it is sealed, so that
  /// a copy takes little more room than its source. Not one atomic change: pieces of 1 MiB are.
  ///
  /// Throws `invalid` when the ranges overlap in one file.
  /// - Returns: how many bytes were copied: fewer than asked for where the source ends.
  @discardableResult
  public func copyRange(
    of source: FileID, _ range: Range<UInt64>, to target: FileID, at offset: UInt64
  ) throws(StoreError) -> UInt64 {
    let end = try attributes(of: source).byteCount
    let range = range.clamped(to: 0..<end)
    guard !range.isEmpty else { return 0 }
    let count = UInt64(range.count)
    let targetEnd = try core.end(offset, count)
    if source == target, offset < range.upperBound, range.lowerBound < targetEnd {
      throw StoreError(.invalid, "a range cannot be copied onto itself", object: name)
    }
    for extent in try extents(of: source, in: range) {
      let place = offset + (extent.range.lowerBound - range.lowerBound)
      if extent.isHole {
        try clear(target, place..<place + UInt64(extent.range.count))
      } else {
        try copy(source, extent.range, to: target, at: place)
      }
    }
    return count
  }

  private static let pieceByteCount: UInt64 = 1 << 20

  private func copy(
    _ source: FileID, _ range: Range<UInt64>, to target: FileID, at offset: UInt64
  ) throws(StoreError) {
    var start = range.lowerBound
    while start < range.upperBound {
      let count = min(Self.pieceByteCount, range.upperBound - start)
      let bytes = try read(source, at: start, byteCount: Int(count))
      try write(target, at: offset + (start - range.lowerBound), bytes)
      start += count
    }
  }

  private func clear(_ file: FileID, _ range: Range<UInt64>) throws(StoreError) {
    try transaction { changes throws(StoreError) in
      try changes.punchHole(file, range)
      if try changes.attributes(of: file).byteCount < range.upperBound {
        try changes.truncate(file, to: range.upperBound)
      }
    }
  }
}
