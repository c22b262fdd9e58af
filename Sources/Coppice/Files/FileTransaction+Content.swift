internal import CoppiceEngine
internal import CoppiceFormat
internal import CoppicePlatform

extension FileTransaction {
  /// Writes bytes; behind the end the file grows, with a hole up to them.
  public func write(
    _ file: FileID, at offset: UInt64, _ bytes: UnsafeRawBufferPointer
  ) throws(StoreError) {
    _ = try names.regularInode(of: file)
    let end = try core.end(offset, UInt64(bytes.count))
    guard !bytes.isEmpty else { return }
    try admitGrowth(of: file, to: end)
    operations.write(file.volume, at: offset, bytes)
    let old = try volume(of: file)?.byteCount ?? 0
    note(file, byteCount: max(old, end))
  }

  /// As the one above.
  public func write(
    _ file: FileID, at offset: UInt64, _ bytes: [UInt8]
  ) throws(StoreError) {
    try bytes.withBytes { bytes throws(StoreError) in
      try write(file, at: offset, bytes)
    }
  }

  /// Cuts the content, or extends it with a hole.
  public func truncate(_ file: FileID, to byteCount: UInt64) throws(StoreError) {
    _ = try names.regularInode(of: file)
    _ = try core.end(byteCount, 0)
    try admitGrowth(of: file, to: byteCount)
    operations.resize(file.volume, to: byteCount)
    note(file, byteCount: byteCount)
  }

  /// Makes a range read as zero and gives up the space of whole pages in it. The byte count stays;
  /// a range behind it changes nothing.
  public func punchHole(_ file: FileID, _ range: Range<UInt64>) throws(StoreError) {
    _ = try names.regularInode(of: file)
    guard let old = try volume(of: file)?.byteCount else { return }
    let end = min(range.upperBound, old)
    guard range.lowerBound < end else { return }
    operations.hole(file.volume, at: range.lowerBound, byteCount: end - range.lowerBound)
    note(file, byteCount: old)
  }

  private func note(_ file: FileID, byteCount: UInt64) {
    noteVolume(file, VolumeAttributes(byteCount: byteCount, modified: time.nanoseconds))
  }
}

extension TreeCore {
  /// The greatest byte count of a file: 2^40 pages, and no more than a volume may have.
  var fileByteCountMax: UInt64 {
    min(VolumeNumber.byteCountMax, UInt64(pageByteCount) << UInt64(PageNumber.bitCount))
  }

  /// Where a range ends. Throws `invalid` with reason `tooLarge` where no file reaches.
  func end(_ offset: UInt64, _ count: UInt64) throws(StoreError) -> UInt64 {
    let (end, isBeyond) = offset.addingReportingOverflow(count)
    guard !isBeyond, end <= fileByteCountMax else {
      throw StoreError(
        .invalid, "a file has at most \(fileByteCountMax) bytes", reason: .tooLarge)
    }
    return end
  }
}
