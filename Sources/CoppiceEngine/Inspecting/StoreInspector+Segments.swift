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

  /// The segments that have files, in order.
  package func segments() throws(StoreError) -> [SegmentID] {
    do throws(SegmentError) { return try segmentStore.list().ids } catch {
      throw StoreError(error, while: "listing the store's files")
    }
  }

  package func segment(_ id: SegmentID) throws(StoreError) -> SegmentInspection {
    let (file, byteCount) = try open(id)
    var inspection = SegmentInspection(
      file: SegmentStore.path(id), byteCount: byteCount, bundles: [])
    guard let head = try file.bytes(at: 0, count: SegmentHeader.byteCount) else {
      inspection.problem = "the file is shorter than a segment header"
      return inspection
    }
    do throws(FormatError) { inspection.header = try SegmentHeader.decode(head.span.bytes) } catch {
      inspection.problem = "\(error)"
    }
    var offset = UInt64(SegmentHeader.byteCount)
    while offset < byteCount {
      do throws(SegmentError) {
        let bundle = try Bundle.read(file, at: offset, end: byteCount)
        inspection.bundles.append(BundleInspection(bundle))
        offset = bundle.end
      } catch {
        if error.saysNothingOfContent { throw StoreError(error, while: "reading a bundle") }
        inspection.problem = "at offset \(offset): \(error.message)"
        break
      }
    }
    return inspection
  }

  func open(_ id: SegmentID) throws(StoreError) -> (segment: SegmentHandle, byteCount: UInt64) {
    do throws(SegmentError) {
      let segment = try segmentStore.find(id)
      return (segment, try segment.byteCount())
    } catch {
      // Nothing says that there should be one.
      if case .missing = error {
        throw StoreError(.notFound, "there is no such segment", object: SegmentStore.path(id))
      }
      throw .opening(id, error)
    }
  }

  /// Where a frame lies, and in which segment: that of its name, or one that took it over.
  package func find(_ name: FrameName) throws(StoreError) -> (segment: SegmentID, Locator) {
    try lookingAgain(in: SegmentStore.folder) { () throws(StoreError) in try findNow(name) }
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
