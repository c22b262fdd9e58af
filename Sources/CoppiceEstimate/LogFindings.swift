internal import Coppice
internal import CoppiceEngine
internal import CoppicePlatform
internal import CoppicePostgreSQL

/// What the files of a write-ahead log hold.
struct LogFindings {
  struct Segment {
    var segment: LogSegment
    var entry: EstimateEntry
    /// Whether it changed, or is new.
    var hasChanged: Bool
  }

  /// All of them, and those that hold older log than their names say.
  private var count = 0
  private(set) var recycledCount = 0
  private var recycledByteCount: UInt64 = 0
  /// The records of those that changed.
  private(set) var scan = LogScan()

  /// - Parameter segments: in the order of the log.
  init(_ segments: [Segment], in input: EstimateInput) throws(StoreError) {
    count = segments.count
    for segment in segments {
      guard let content = try input.open(segment.entry) else { continue }
      let start = segment.segment.start
      let first = try Self.page(0, of: content)
      if let first, first.page.position < start {
        recycledCount += 1
        recycledByteCount += content.byteCount
      } else if segment.hasChanged {
        try read(content, from: start)
      }
    }
  }

  private static func page(
    _ index: UInt64, of content: EstimateContent
  ) throws(StoreError) -> (bytes: [UInt8], page: LogPage)? {
    let offset = index * UInt64(LogPage.byteCount)
    guard offset + UInt64(LogPage.byteCount) <= content.byteCount else { return nil }
    var bytes = [UInt8](repeating: 0, count: LogPage.byteCount)
    try bytes.withMutableBytes { buffer throws(StoreError) in
      try content.read(into: buffer, at: offset)
    }
    return LogPage(bytes).map { (bytes, $0) }
  }

  /// Up to the first page that is not written yet.
  private mutating func read(
    _ content: EstimateContent, from start: WALPosition
  ) throws(StoreError) {
    var index: UInt64 = 0
    while let next = try Self.page(index, of: content),
      next.page.position.byteOffset == start.byteOffset + index * UInt64(LogPage.byteCount)
    {
      scan.read(next.bytes, next.page)
      index += 1
    }
  }

  var advice: [EstimateReport.Advice] {
    var advice: [EstimateReport.Advice] = []
    if recycledCount > 0 {
      advice.append(
        EstimateReport.Advice(
          topic: .recycledWAL,
          text: "\(recycledCount) of \(quantity(count, "file")) of pg_wal, "
            + "\(megabytes(recycledByteCount)), hold old log under names of log to come: nothing "
            + "reads them, and copies carry them; the tar of a base backup leaves them out"))
    }
    if scan.imageCount > 0 {
      let share = scan.imageByteCount * 100 / max(scan.recordByteCount, 1)
      advice.append(
        EstimateReport.Advice(
          topic: .fullPageImages,
          text: "images of whole pages are \(share) % of the log that changed, "
            + "\(megabytes(scan.imageByteCount)) of \(megabytes(scan.recordByteCount)): each page "
            + "once after a checkpoint; a longer checkpoint_timeout on branches makes fewer"))
    }
    return advice
  }

  private func megabytes(_ byteCount: UInt64) -> String {
    let tenths = (byteCount * 10 + 1 << 19) >> 20
    return "\(tenths / 10).\(tenths % 10) MiB"
  }
}
