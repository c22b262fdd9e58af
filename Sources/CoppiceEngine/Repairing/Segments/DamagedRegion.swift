internal import CoppiceFormat
internal import CoppicePlatform

/// A part of a host in which frames lie whose directory cannot be read.
final class DamagedRegion {
  let segment: SegmentID
  /// From the start of the file.
  let offset: UInt64
  let bytes: [UInt8]
  /// Where nothing was found yet, by offset in `bytes`.
  private(set) var gaps: [Range<Int>]

  init(segment: SegmentID, offset: UInt64, bytes: [UInt8]) {
    self.segment = segment
    self.offset = offset
    self.bytes = bytes
    gaps = [0..<bytes.count]
  }

  /// Takes what was found out of the gaps.
  func claim(_ range: Range<Int>) {
    gaps = gaps.flatMap { gap in
      let own = range.clamped(to: gap)
      if own.isEmpty { return [gap] }
      return [gap.lowerBound..<own.lowerBound, own.upperBound..<gap.upperBound]
        .filter { !$0.isEmpty }
    }
  }

  func place(_ start: Int, _ locator: Locator, hashPrefix: UInt64) -> RetiredFrames.Found {
    RetiredFrames.Found(
      segment: segment,
      place: SegmentDirectory.Place(
        offset: UInt32(offset) + UInt32(start), storedByteCount: locator.storedByteCount,
        form: locator.form, hashPrefix: hashPrefix))
  }

  /// The damaged parts of a host; one whose bytes cannot be read at all is left out.
  static func all(in host: SegmentEntry, _ file: SegmentHandle) throws(StoreError)
    -> [DamagedRegion]
  {
    var regions: [DamagedRegion] = []
    var start: UInt64?
    func end(_ offset: UInt64) throws(StoreError) {
      guard let first = start, offset > first else { return }
      start = nil
      let count = Int(offset - first)
      guard let bytes = try readable(file.bytes(at: first, count: count))
      else { return }
      regions.append(DamagedRegion(segment: host.id, offset: first, bytes: bytes))
    }
    try BundleReader(file, host).scan { item throws(StoreError) in
      switch item {
      case .damage(let damage): start = start ?? damage.offset
      case .bundle(let bundle): try end(bundle.offset)
      }
    }
    try end(host.byteCount)
    return regions
  }
}
