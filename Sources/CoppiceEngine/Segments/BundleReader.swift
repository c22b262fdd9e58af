package import CoppiceFormat
internal import CoppicePlatform

/// A bundle as it lies on disk.
package struct BundleInspection: Sendable {
  /// From the start of the file.
  package var offset: UInt64
  package var header: BundleHeader
  package var frames: [FrameInspection]
}

/// A frame as its bundle's directory tells of it.
package struct FrameInspection: Sendable {
  package var name: FrameName
  package var locator: Locator
  package var entry: BundleDirectoryEntry
}

/// Reads one bundle's header and directory.
struct BundleReader {
  private let file: SegmentHandle
  private let segment: SegmentID
  private let offset: UInt64
  private let end: UInt64

  /// `nil` for a bundle that does not end before `end`, or cannot be read.
  typealias Outcome = Result<BundleInspection?, FormatError>

  /// - Parameter end: where the part of the file that counts ends.
  init(_ file: SegmentHandle, _ segment: SegmentID, at offset: UInt64, end: UInt64) {
    self.file = file
    self.segment = segment
    self.offset = offset
    self.end = end
  }

  /// Throws what says nothing of what is stored, nothing else.
  func read() throws(StoreError) -> Outcome {
    guard let head = try bytes(at: offset, count: BundleHeader.byteCount) else {
      return .success(nil)
    }
    let header: BundleHeader
    do throws(FormatError) { header = try self.header(head) } catch { return .failure(error) }
    guard
      let stored = try bytes(
        at: offset + UInt64(header.directoryOffset), count: Int(header.directoryByteCount))
    else { return .success(nil) }
    return Result { () throws(FormatError) in try bundle(header, directory: stored) }
  }

  private func header(_ head: [UInt8]) throws(FormatError) -> BundleHeader {
    let header = try BundleHeader.decode(head.span.bytes)
    guard header.segment == segment else {
      throw .outOfRange(
        what: "the bundle's segment id", value: header.segment.rawValue,
        limit: segment.rawValue)
    }
    return header
  }

  private func bundle(_ header: BundleHeader, directory stored: [UInt8]) throws(FormatError)
    -> BundleInspection
  {
    try header.verify(directory: stored.span.bytes)
    let directory = try BundleDirectory.decode(
      stored.span.bytes, rawByteCount: Int(header.directoryRawByteCount),
      frameCount: Int(header.frameCount), hasHomeNames: header.hasHomeNames)
    return try BundleInspection(
      offset: offset, header: header, frames: frames(header, directory))
  }

  private func bytes(at place: UInt64, count: Int) throws(StoreError) -> [UInt8]? {
    guard place + UInt64(count) <= end else { return nil }
    // What is damaged is as good as missing here.
    return try readable(file.bytes(at: place, count: count))
  }

  private func frames(_ header: BundleHeader, _ directory: BundleDirectory) throws(FormatError)
    -> [FrameInspection]
  {
    var place = offset + UInt64(BundleHeader.byteCount)
    var ordinal = header.firstOrdinal
    var frames: [FrameInspection] = []
    frames.reserveCapacity(directory.entries.count)
    for entry in directory.entries {
      let own = FrameName(segment: segment, ordinal: ordinal)
      let name = entry.home == .none ? own : entry.home
      guard let start = UInt32(exactly: place) else {
        throw .outOfRange(what: "frame offset", value: place, limit: UInt64(UInt32.max))
      }
      frames.append(
        FrameInspection(
          name: name,
          locator: Locator(
            name: name, offset: start, storedByteCount: entry.storedByteCount, form: entry.form),
          entry: entry))
      place += UInt64(entry.storedByteCount)
      ordinal += 1
    }
    guard place == offset + UInt64(header.directoryOffset) else {
      throw .malformed(what: "bundle: its frames and its directory overlap or leave a gap")
    }
    return frames
  }
}
