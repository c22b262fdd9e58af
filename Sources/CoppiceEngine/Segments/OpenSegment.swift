internal import CoppiceFormat
internal import CoppicePlatform

/// The segment that a domain appends to: what is on disk, and the bundle that is being filled.
///
///     segment file = header 64, bundle, bundle, ...
///     bundle       = header 64, frames, directory
///
/// The directory follows the frames, so a frame's offset is known before the bundle is complete.
/// Guarded by its appender.
final class OpenSegment {
  let id: SegmentID
  let file: any DiskFile
  /// Bytes and frames of complete bundles.
  private(set) var writtenByteCount: UInt64
  private(set) var writtenFrameCount: UInt32
  private let byteCountMax: UInt64
  private let bundle = AlignedBuffer(byteCountMin: SegmentLimits.bundleByteCount + (64 << 10))
  private var entries: [BundleDirectoryEntry] = []
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

  var hasBundle: Bool { !entries.isEmpty }

  func isBundleFull(adding byteCount: Int) -> Bool {
    hasBundle
      && (bundle.byteCount + byteCount > SegmentLimits.bundleByteCount
        || entries.count >= SegmentLimits.bundleFrameCount)
  }

  /// Whether a frame of that many bytes may come next without making the segment too large.
  func fits(_ byteCount: Int) -> Bool {
    let pending = UInt64(hasBundle ? bundle.byteCount : BundleHeader.byteCount)
    return writtenByteCount + pending + UInt64(byteCount) <= byteCountMax
      || writtenByteCount <= UInt64(SegmentHeader.byteCount)
  }

  /// Copies the frame into the bundle and names it.
  ///
  /// - Parameter home: of a copied frame, the name it keeps; then all frames of the segment have
  ///   one.
  @discardableResult
  func append(_ frame: PendingFrame, home: FrameName = .none) -> Locator {
    if !hasBundle {
      bundle.removeAll()
      bundle.appendZeros(BundleHeader.byteCount)
    }
    let offset = writtenByteCount + UInt64(bundle.byteCount)
    let ordinal = writtenFrameCount + UInt32(entries.count)
    bundle.append(frame.stored)
    entries.append(
      BundleDirectoryEntry(
        hashPrefix: frame.hashPrefix, storedByteCount: frame.stored.count, form: frame.form,
        volume: frame.volume, page: frame.page, base: frame.base, home: home))
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
    let framesByteCount = bundle.byteCount - BundleHeader.byteCount
    let hasHomeNames = entries.first?.home != FrameName.none
    let directory = BundleDirectory(entries: entries).encode(hasHomeNames: hasHomeNames)
    directory.bytes.withUnsafeBytes { bundle.append($0) }
    let header = BundleHeader(
      segment: id, firstOrdinal: writtenFrameCount, frameCount: UInt32(entries.count),
      directoryByteCount: UInt32(directory.bytes.count),
      directoryRawByteCount: UInt32(directory.rawByteCount),
      framesByteCount: UInt32(framesByteCount), lsn: lsn,
      hasHomeNames: hasHomeNames)
    header.encode(
      into: bundle.mutableContents,
      directory: UnsafeRawBufferPointer(
        rebasing: bundle.contents[(BundleHeader.byteCount + framesByteCount)...]))
    try file.write(bundle.contents, at: writtenByteCount)
    file.beginWriteback(offset: writtenByteCount, byteCount: UInt64(bundle.byteCount))
    writtenByteCount += UInt64(bundle.byteCount)
    writtenFrameCount += UInt32(entries.count)
    entries.removeAll(keepingCapacity: true)
  }

  /// `nil` while the frame's bundle is not on disk, or when it was written before this opening.
  func place(ofOrdinal ordinal: UInt32) -> SegmentDirectory.Place? {
    guard ordinal >= firstKnownOrdinal, ordinal < writtenFrameCount else { return nil }
    return places[Int(ordinal - firstKnownOrdinal)]
  }
}
