internal import CoppiceFormat
internal import CoppicePlatform

/// The segment that a domain appends to: what is on disk, and the bundle that is being filled.
///
///     segment file = header 64, bundle, bundle, ...
///
/// Guarded by its appender.
final class OpenSegment {
  let id: SegmentID
  let file: any DiskFile
  /// Bytes and frames of complete bundles.
  private(set) var writtenByteCount: UInt64
  private(set) var writtenFrameCount: UInt32
  private let byteCountMax: UInt64
  private let bundle = BundleBuilder()
  /// Places of the frames written since the segment was opened here, from `firstKnownOrdinal` on.
  private var places: [SegmentDirectory.Place] = []
  private let firstKnownOrdinal: UInt32

  init(
    id: SegmentID, file: any DiskFile, byteCount: UInt64, frameCount: UInt32,
    byteCountMax: UInt64 = SegmentLimits.segmentByteCount
  ) {
    self.id = id
    self.file = file
    writtenByteCount = byteCount
    writtenFrameCount = frameCount
    firstKnownOrdinal = frameCount
    self.byteCountMax = byteCountMax
  }

  var hasBundle: Bool { !bundle.isEmpty }

  func isBundleFull(adding byteCount: Int) -> Bool { bundle.isFull(adding: byteCount) }

  /// Whether a frame of that many bytes may come next without making the segment too large.
  func fits(_ byteCount: Int) -> Bool {
    writtenByteCount + UInt64(bundle.byteCount + byteCount) <= byteCountMax
      || writtenByteCount <= UInt64(SegmentHeader.byteCount)
  }

  /// Copies the frame into the bundle and names it.
  ///
  /// - Parameter home: of a copied frame, the name it keeps; then all frames of the segment have
  ///   one.
  @discardableResult
  func append(_ frame: PendingFrame, home: FrameName = .none) -> Locator {
    let ordinal = writtenFrameCount + UInt32(bundle.entries.count)
    let offset = writtenByteCount + UInt64(bundle.append(frame, home: home))
    places.append(
      SegmentDirectory.Place(
        offset: UInt32(offset), storedByteCount: frame.stored.count, form: frame.form,
        hashPrefix: frame.hashPrefix))
    return Locator(
      name: FrameName(segment: id, ordinal: ordinal), offset: UInt32(offset),
      storedByteCount: frame.stored.count, form: frame.form)
  }

  /// Completes the bundle and writes it behind the last one.
  ///
  /// - Parameter lsn: the store's last one at the moment, for the bundle's header.
  func writeBundle(lsn: LSN) throws(SystemError) {
    let bytes = bundle.finish(of: id, firstOrdinal: writtenFrameCount, lsn: lsn)
    try file.write(bytes, at: writtenByteCount)
    file.beginWriteback(offset: writtenByteCount, byteCount: UInt64(bytes.count))
    writtenByteCount += UInt64(bytes.count)
    writtenFrameCount += UInt32(bundle.entries.count)
    bundle.removeAll()
  }

  /// `nil` while the frame's bundle is not on disk, or when it was written before this opening.
  func place(ofOrdinal ordinal: UInt32) -> SegmentDirectory.Place? {
    guard ordinal >= firstKnownOrdinal, ordinal < writtenFrameCount else { return nil }
    return places[Int(ordinal - firstKnownOrdinal)]
  }
}
