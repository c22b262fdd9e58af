internal import CoppiceEngine
internal import CoppiceFormat

extension TreeCore {
  private static let pieceByteCount: UInt64 = 1 << 20
  /// Pages that one transaction shares: their refs take 128 KiB of the journal.
  private static let sharedPageCountMax: UInt64 = 4096

  /// Copies a range of a file to a place in another one, of this tree or another of the same store.
  ///
  /// Whole pages that are stored already are shared: no byte of them is read or written. That needs
  /// both places to lie alike in their pages, and both trees in one trust domain. Not one atomic
  /// change: pieces are. Throws `invalid` when the ranges overlap in one file.
  /// - Returns: how many bytes were copied: fewer than asked for where the source ends.
  func copyRange(
    of source: FileID, _ range: Range<UInt64>, to target: FileID, in targetTree: TreeCore,
    at offset: UInt64
  ) throws(StoreError) -> UInt64 {
    let end = try space.attributes(of: source.volume)?.byteCount ?? 0
    let range = range.clamped(to: 0..<end)
    guard !range.isEmpty else { return 0 }
    let targetEnd = try targetTree.end(offset, UInt64(range.count))
    if self === targetTree, source == target, offset < range.upperBound,
      range.lowerBound < targetEnd
    {
      throw StoreError(
        .invalid, "a range cannot be copied onto itself", object: source.description)
    }
    let copy = RangeCopy(
      source: self, file: source, target: targetTree, targetFile: target,
      generation: targetTree.generation,
      distance: offset &- range.lowerBound)
    let pages = sharedPages(range, offset, with: targetTree)
    guard !pages.isEmpty else {
      try copy.bytes(range)
      return UInt64(range.count)
    }
    let unit = UInt64(pageByteCount)
    try copy.bytes(range.lowerBound..<pages.lowerBound * unit)
    for first in stride(from: pages.lowerBound, to: pages.upperBound, by: Self.pageStride) {
      try copy.pages(first..<min(first + Self.sharedPageCountMax, pages.upperBound))
    }
    try copy.bytes(pages.upperBound * unit..<range.upperBound)
    return UInt64(range.count)
  }

  private static var pageStride: Int { Int(sharedPageCountMax) }

  /// The whole pages in a range that may be shared.
  private func sharedPages(
    _ range: Range<UInt64>, _ offset: UInt64, with target: TreeCore
  ) -> Range<UInt64> {
    let unit = UInt64(pageByteCount)
    guard let branch = space as? EngineBranch, let other = target.space as? EngineBranch,
      branch.domain == other.domain, range.lowerBound % unit == offset % unit
    else { return 0..<0 }
    let first = (range.lowerBound + unit - 1) / unit
    let end = range.upperBound / unit
    return first < end ? first..<end : 0..<0
  }

  /// One copy under way; `distance` is what the target's offsets are ahead, modulo 2^64.
  private struct RangeCopy {
    let source: TreeCore
    let file: FileID
    let target: TreeCore
    let targetFile: FileID
    /// Of the target when the copy began.
    let generation: UInt64
    let distance: UInt64

    func bytes(_ range: Range<UInt64>) throws(StoreError) {
      guard !range.isEmpty else { return }
      for extent in try source.extents(of: file, in: range) {
        if extent.isHole {
          try clear(extent.range)
        } else {
          try write(extent.range)
        }
      }
    }

    private func write(_ range: Range<UInt64>) throws(StoreError) {
      var start = range.lowerBound
      while start < range.upperBound {
        let count = Int(min(TreeCore.pieceByteCount, range.upperBound - start))
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
        defer { buffer.deallocate() }
        let read = try source.space.read(file.volume, at: start, into: buffer)
        guard read > 0 else { return }
        try target.write(
          targetFile, at: start &+ distance, UnsafeRawBufferPointer(rebasing: buffer[..<read]),
          in: generation)
        start += UInt64(read)
      }
    }

    private func clear(_ range: Range<UInt64>) throws(StoreError) {
      let start = range.lowerBound &+ distance
      let end = range.upperBound &+ distance
      let old = try target.space.attributes(of: targetFile.volume)?.byteCount ?? 0
      if old < end { try target.admitGrowth(of: targetFile, to: end) }
      try target.commitContent(of: targetFile, in: generation) { operations in
        operations.hole(targetFile.volume, at: start, byteCount: end - start)
        if old < end { operations.resize(targetFile.volume, to: end) }
      }
    }

    /// Shares what is stored; the view keeps it until the transaction is there.
    func pages(_ pages: Range<UInt64>) throws(StoreError) {
      guard let branch = source.space as? EngineBranch else { return }
      let unit = UInt64(source.pageByteCount)
      let view = try branch.pinnedView()
      for run in try view.sharedRuns(of: file.volume, pages: pages) {
        switch run {
        case .bytes(let range):
          try bytes(range.lowerBound * unit..<range.upperBound * unit)
        case .refs(let first, let refs):
          try target.admitGrowth(
            of: targetFile, to: (first + UInt64(refs.count)) * unit &+ distance)
          try target.commitContent(of: targetFile, in: generation) { operations in
            operations.share(targetFile.volume, at: first * unit &+ distance, refs)
          }
        }
      }
      withExtendedLifetime(view) {}
    }
  }
}
