package import CoppiceFormat
internal import CoppicePlatform

extension StoreInspector {
  package struct SegmentInspection: Sendable {
    package var file: String
    package var byteCount: UInt64
    package var header: SegmentHeader?
    package var bundles: [BundleInspection]
    /// Why the bundles end before the file does, if they do.
    package var problem: String?
  }

  package struct BundleInspection: Sendable {
    /// From the start of the file.
    package var offset: UInt64
    package var header: BundleHeader
    package var frames: [FrameInspection]
  }

  package struct FrameInspection: Sendable {
    package var name: FrameName
    package var locator: Locator
    package var entry: BundleDirectoryEntry
  }

  /// The segments that have files, in order.
  package func segments() throws(StoreError) -> [SegmentID] {
    try list(SegmentFiles.directory).compactMap { SegmentFiles.segment(ofFile: $0) }.sorted()
  }

  package func segment(_ id: SegmentID) throws(StoreError) -> SegmentInspection {
    let path = SegmentFiles.path(id)
    let (file, byteCount) = try open(path)
    var inspection = SegmentInspection(file: path, byteCount: byteCount, bundles: [])
    guard let head = try Self.bytes(of: file, at: 0, count: SegmentHeader.byteCount) else {
      inspection.problem = "the file is shorter than a segment header"
      return inspection
    }
    do throws(FormatError) { inspection.header = try SegmentHeader.decode(head.span.bytes) } catch {
      inspection.problem = "\(error)"
    }
    var offset = UInt64(SegmentHeader.byteCount)
    while offset < byteCount {
      let outcome = try BundleReader(file, id, at: offset, end: byteCount).read()
      do throws(FormatError) {
        guard let bundle = try outcome.get() else {
          inspection.problem = "an incomplete bundle at offset \(offset)"
          break
        }
        inspection.bundles.append(bundle)
        offset += UInt64(bundle.header.bundleByteCount)
      } catch {
        inspection.problem = "at offset \(offset): \(error)"
        break
      }
    }
    return inspection
  }

  /// Where a frame lies, and in which segment: that of its name, or one that took it over.
  package func find(_ name: FrameName) throws(StoreError) -> (segment: SegmentID, Locator) {
    try lookingAgain(in: SegmentFiles.directory) { () throws(StoreError) in try findNow(name) }
  }

  private func findNow(_ name: FrameName) throws(StoreError) -> (segment: SegmentID, Locator) {
    let all = try segments()
    let order = all.filter { $0 == name.segment } + all.reversed().filter { $0 != name.segment }
    for id in order {
      for bundle in try segment(id).bundles where id == name.segment || bundle.header.hasHomeNames {
        if let frame = bundle.frames.first(where: { $0.name == name }) {
          return (id, frame.locator)
        }
      }
    }
    throw StoreError(
      .notFound, "there is no such frame",
      object: "frame \(name)",
      remedy: "list a segment's frames with \(step: .listFrames)")
  }
}

/// Reads one bundle's header and directory.
struct BundleReader {
  private let file: any DiskFile
  private let segment: SegmentID
  private let offset: UInt64
  private let end: UInt64

  /// `nil` for a bundle that does not end before `end`, or cannot be read.
  typealias Outcome = Result<StoreInspector.BundleInspection?, FormatError>

  /// - Parameter end: where the part of the file that counts ends.
  init(_ file: any DiskFile, _ segment: SegmentID, at offset: UInt64, end: UInt64) {
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
    -> StoreInspector.BundleInspection
  {
    try header.verify(directory: stored.span.bytes)
    let directory = try BundleDirectory.decode(
      stored.span.bytes, rawByteCount: Int(header.directoryRawByteCount),
      frameCount: Int(header.frameCount), hasHomeNames: header.hasHomeNames)
    return try StoreInspector.BundleInspection(
      offset: offset, header: header, frames: frames(header, directory))
  }

  private func bytes(at place: UInt64, count: Int) throws(StoreError) -> [UInt8]? {
    guard place + UInt64(count) <= end else { return nil }
    // What is damaged is as good as missing here.
    return try readable(StoreInspector.bytes(of: file, at: place, count: count))
  }

  private func frames(_ header: BundleHeader, _ directory: BundleDirectory) throws(FormatError)
    -> [StoreInspector.FrameInspection]
  {
    var place = offset + UInt64(BundleHeader.byteCount)
    var ordinal = header.firstOrdinal
    var frames: [StoreInspector.FrameInspection] = []
    frames.reserveCapacity(directory.entries.count)
    for entry in directory.entries {
      let own = FrameName(segment: segment, ordinal: ordinal)
      let name = entry.home == .none ? own : entry.home
      guard let start = UInt32(exactly: place) else {
        throw .outOfRange(what: "frame offset", value: place, limit: UInt64(UInt32.max))
      }
      frames.append(
        StoreInspector.FrameInspection(
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
