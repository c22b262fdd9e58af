package import CoppiceFormat

/// A bundle of a segment as it lies on disk, verified.
struct Bundle {
  /// From the start of the segment.
  let offset: UInt64
  let header: BundleHeader
  let directory: BundleDirectory

  var end: UInt64 { offset + UInt64(header.bundleByteCount) }

  /// Where the first frame begins.
  var framesOffset: UInt64 { offset + UInt64(BundleHeader.byteCount) }

  /// Where each frame begins, from the start of the segment.
  var frameOffsets: [UInt32] {
    var next = UInt32(framesOffset)
    return directory.entries.map { entry in
      defer { next += UInt32(entry.storedByteCount) }
      return next
    }
  }

  /// Reads the bundle that begins at `offset`.
  ///
  /// - Parameter end: where the part of the segment that counts ends.
  static func read(_ segment: SegmentHandle, at offset: UInt64, end: UInt64)
    throws(SegmentError) -> Bundle
  {
    let head = try bytes(segment, at: offset, count: BundleHeader.byteCount, end, offset)
    let header: BundleHeader
    do throws(FormatError) { header = try BundleHeader.decode(head.span.bytes) } catch {
      throw SegmentError(error, in: object(segment.id, offset))
    }
    guard header.segment == segment.id else { throw .strayBundle(segment.id, offset) }
    let stored = try bytes(
      segment, at: offset + UInt64(header.directoryOffset), count: Int(header.directoryByteCount),
      end, offset)
    do throws(FormatError) {
      try header.verify(directory: stored.span.bytes)
      let directory = try BundleDirectory.decode(
        stored.span.bytes, rawByteCount: Int(header.directoryRawByteCount),
        frameCount: Int(header.frameCount), hasHomeNames: header.hasHomeNames)
      let bundle = Bundle(offset: offset, header: header, directory: directory)
      try bundle.checkExtent()
      return bundle
    } catch {
      throw SegmentError(error, in: object(segment.id, offset))
    }
  }

  private static func bytes(
    _ segment: SegmentHandle, at place: UInt64, count: Int, _ end: UInt64, _ offset: UInt64
  ) throws(SegmentError) -> [UInt8] {
    guard place + UInt64(count) <= end, let bytes = try segment.whole(count, at: place) else {
      throw .damaged(
        object: object(segment.id, offset), message: "the segment ends inside the bundle")
    }
    return bytes
  }

  private func checkExtent() throws(FormatError) {
    var byteCount = 0
    for entry in directory.entries { byteCount += entry.storedByteCount }
    guard byteCount == Int(header.framesByteCount) else {
      throw .malformed(what: "bundle: its frames and its directory overlap or leave a gap")
    }
    // Locators have 32 bits for an offset.
    let end = framesOffset + UInt64(byteCount)
    guard end <= UInt64(UInt32.max) else {
      throw .outOfRange(what: "frame offset", value: end, limit: UInt64(UInt32.max))
    }
  }

  /// How messages name the bundle.
  static func object(_ segment: SegmentID, _ offset: UInt64) -> String {
    "\(SegmentStore.path(segment)) bundle at offset \(offset)"
  }

  /// The name of a frame, which in a host is the one it had at home.
  func name(ofEntry index: Int) -> FrameName {
    let home = directory.entries[index].home
    return home == .none
      ? FrameName(segment: header.segment, ordinal: header.firstOrdinal + UInt32(index)) : home
  }
}

extension SegmentError {
  /// The bundle there is not one that could be.
  static func strayBundle(_ segment: SegmentID, _ offset: UInt64) -> SegmentError {
    .damaged(
      object: Bundle.object(segment, offset), message: "the bundle belongs to another place")
  }
}

/// A bundle as it is shown.
package struct BundleInspection: Sendable {
  /// From the start of the file.
  package var offset: UInt64
  package var header: BundleHeader
  package var frames: [FrameInspection]

  init(_ bundle: Bundle) {
    offset = bundle.offset
    header = bundle.header
    frames = []
    frames.reserveCapacity(bundle.directory.entries.count)
    for (index, (entry, place)) in zip(bundle.directory.entries, bundle.frameOffsets).enumerated() {
      let name = bundle.name(ofEntry: index)
      frames.append(
        FrameInspection(
          name: name,
          locator: Locator(
            name: name, offset: place, storedByteCount: entry.storedByteCount, form: entry.form),
          entry: entry))
    }
  }
}

/// A frame as its bundle's directory tells of it.
package struct FrameInspection: Sendable {
  package var name: FrameName
  package var locator: Locator
  package var entry: BundleDirectoryEntry
}
