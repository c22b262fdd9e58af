package import CoppiceFormat
internal import CoppicePlatform

/// A bundle that is being filled.
///
///     bundle = header 64, frames, directory
///
/// The directory follows the frames, so a frame's offset is known before the bundle is complete.
/// One owner at a time uses it.
package final class BundleBuilder {
  private let buffer = AlignedBuffer(byteCountMin: SegmentLimits.bundleByteCount + (64 << 10))
  /// What the directory will say of the frames so far.
  package private(set) var entries: [BundleDirectoryEntry] = []

  package init() {}

  package var isEmpty: Bool { entries.isEmpty }

  /// Of the header and the frames so far, those of an empty bundle too.
  package var byteCount: Int { isEmpty ? BundleHeader.byteCount : buffer.byteCount }

  /// Whether the bundle should be finished before a frame of that many bytes.
  package func isFull(adding byteCount: Int) -> Bool {
    !isEmpty
      && (buffer.byteCount + byteCount > SegmentLimits.bundleByteCount
        || entries.count >= SegmentLimits.bundleFrameCount)
  }

  /// Copies the frame into the bundle and returns where it lies, from the bundle's start.
  ///
  /// - Parameter home: of a copied frame, the name it keeps; then all frames of the bundle have
  ///   one.
  @discardableResult
  package func append(_ frame: PendingFrame, home: FrameName = .none) -> Int {
    if isEmpty {
      buffer.removeAll()
      buffer.appendZeros(BundleHeader.byteCount)
    }
    let offset = buffer.byteCount
    buffer.append(frame.stored)
    entries.append(
      BundleDirectoryEntry(
        hashPrefix: frame.hashPrefix, storedByteCount: frame.stored.count, form: frame.form,
        volume: frame.volume, page: frame.page, base: frame.base, home: home))
    return offset
  }

  /// Completes the bundle. The bytes are valid until `removeAll`.
  ///
  /// - Parameter lsn: the store's last one at the moment, for the header.
  /// - Precondition: it has frames.
  package func finish(
    of segment: SegmentID, firstOrdinal: UInt32, lsn: LSN
  ) -> UnsafeRawBufferPointer {
    precondition(!isEmpty)
    let framesByteCount = buffer.byteCount - BundleHeader.byteCount
    let hasHomeNames = entries[0].home != .none
    let directory = BundleDirectory(entries: entries).encode(hasHomeNames: hasHomeNames)
    directory.bytes.withUnsafeBytes { buffer.append($0) }
    let header = BundleHeader(
      segment: segment, firstOrdinal: firstOrdinal, frameCount: UInt32(entries.count),
      directoryByteCount: UInt32(directory.bytes.count),
      directoryRawByteCount: UInt32(directory.rawByteCount),
      framesByteCount: UInt32(framesByteCount), lsn: lsn, hasHomeNames: hasHomeNames)
    header.encode(
      into: buffer.mutableContents,
      directory: UnsafeRawBufferPointer(
        rebasing: buffer.contents[(BundleHeader.byteCount + framesByteCount)...]))
    return buffer.contents
  }

  /// Begins the next bundle.
  package func removeAll() { entries.removeAll(keepingCapacity: true) }
}
