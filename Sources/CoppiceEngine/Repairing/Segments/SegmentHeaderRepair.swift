internal import CoppiceFormat
internal import CoppicePlatform

/// Writes damaged headers of segments anew. The catalogue knows all that is in one, and no bundle
/// is touched.
struct SegmentHeaderRepair {
  let engine: Engine

  func run(_ saved: inout SavedFiles, _ report: inout RepairReport) throws(StoreError) {
    let segments = engine.core.keeper.catalogue.segments.values.sorted { $0.id < $1.id }
    for segment in segments {
      let path = SegmentStore.path(segment.id)
      let header = SegmentHeader(
        uuid: engine.superblock.uuid, segment: segment.id, domain: segment.domain)
      // What cannot be opened is lost, and what cannot be read there is overwritten in vain.
      guard let file = try engine.core.segmentStore.openReadable(segment.id),
        let problem = try readable(header.problem(in: file))
      else { continue }
      try saved.save(path)
      try write(header)
      report.steps.append(
        RepairReport.Step(object: "\(path) header", action: "it was written anew: \(problem)"))
    }
  }

  private func write(_ header: SegmentHeader) throws(StoreError) {
    do throws(SegmentError) { try engine.core.segmentStore.rewrite(header) } catch {
      throw StoreError(error, while: "writing a segment's header")
    }
  }
}
