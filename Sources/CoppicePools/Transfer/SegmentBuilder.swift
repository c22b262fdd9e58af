internal import CoppiceEngine
internal import CoppiceFormat

/// The content of one segment of a pool while it grows: bundles as in a store, then their index.
struct SegmentBuilder {
  let id: SegmentID
  private var content: [UInt8]
  private let bundle = BundleBuilder()
  private var suffixes: [UInt64] = []
  private var index = PoolSegmentIndex()
  private var frameCount: UInt32 = 0
  private let lsn: LSN

  /// A segment's content before its index.
  struct Finished: Sendable {
    let id: SegmentID
    let content: [UInt8]
    let indexOffset: Int
  }

  init(_ header: SegmentHeader, lsn: LSN) {
    id = header.segment
    self.lsn = lsn
    content = header.encode()
  }

  /// At least as many bytes as the content will have.
  var byteCount: Int {
    content.count + bundle.byteCount
      + (Int(frameCount) + bundle.entries.count) * Self.indexedFrameByteCountMax
  }

  /// Of a frame in the directory of its bundle and in the index.
  private static let indexedFrameByteCountMax = 16 + 8 + 2 * BundleDirectory.entryByteCountMax

  mutating func append(_ frame: PendingFrame, hash: PageHash) -> Locator {
    if bundle.isFull(adding: frame.stored.count) { finishBundle() }
    let name = FrameName(segment: id, ordinal: frameCount + UInt32(bundle.entries.count))
    let offset = content.count + bundle.append(frame)
    suffixes.append(hash.high)
    return Locator(
      name: name, offset: UInt32(offset), storedByteCount: frame.stored.count, form: frame.form)
  }

  private mutating func finishBundle() {
    if bundle.isEmpty { return }
    index.bundles.append(
      PoolSegmentIndex.Bundle(
        offset: UInt32(content.count), firstOrdinal: frameCount, lsn: lsn, hasHomeNames: false,
        directory: BundleDirectory(entries: bundle.entries), hashSuffixes: suffixes))
    content.append(contentsOf: bundle.finish(of: id, firstOrdinal: frameCount, lsn: lsn))
    frameCount += UInt32(bundle.entries.count)
    suffixes.removeAll(keepingCapacity: true)
    bundle.removeAll()
  }

  mutating func finish() -> Finished {
    finishBundle()
    let indexOffset = content.count
    content.append(contentsOf: index.encode(at: indexOffset))
    return Finished(id: id, content: content, indexOffset: indexOffset)
  }
}
