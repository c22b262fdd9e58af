package import CoppiceFormat

/// Where a scrub goes on: the next bundle. Stays valid whatever is written meanwhile.
package struct ScrubCursor: Hashable, Sendable {
  package static let start = ScrubCursor(segment: SegmentID(0), offset: 0)

  package var segment: SegmentID
  /// From the start of the segment's file.
  package var offset: UInt64

  package init(segment: SegmentID, offset: UInt64) {
    self.segment = segment
    self.offset = offset
  }

  /// Reads what `text` gave; `nil` for any other text.
  package init?(text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let segment = UInt64(parts[0]), let offset = UInt64(parts[1]),
      segment >> UInt64(SegmentID.bitCount) == 0
    else { return nil }
    self.init(segment: SegmentID(segment), offset: offset)
  }

  /// "segment:offset", both decimal.
  package var text: String { "\(segment.rawValue):\(offset)" }
}

/// How fast a scrub may read.
package struct ScrubOptions: Sendable {
  /// `nil`: as fast as the device and one core can.
  package var byteCountPerSecond: UInt64?

  /// Findings past that many are counted only.
  package var findingCountMax = CheckReport.findingCountMax

  package init(byteCountPerSecond: UInt64? = nil) { self.byteCountPerSecond = byteCountPerSecond }
}

/// How far a scrub has come.
package struct ScrubProgress: Hashable, Sendable {
  package var next: ScrubCursor
  /// Stored bytes read by this call.
  package var byteCount: UInt64
  /// Bytes of the store's segments from where this call began to their end.
  package var totalByteCount: UInt64
  package var findingCount: Int
}

/// What a scrub read, and what it found.
package struct ScrubReport: Sendable {
  package var findings: [Finding] = []
  /// Findings past `CheckReport.findingCountMax`, which are not listed.
  package var omittedCount = 0
  package var frameCount = 0
  package var byteCount: UInt64 = 0
  /// Where to go on; `nil` at the end of the store.
  package var next: ScrubCursor?

  package init() {}
}
