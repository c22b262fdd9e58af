internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// How far scrubbing has come. Times are nanoseconds since 1970.
package struct ScrubStatus: Hashable, Sendable {
  /// All that was stored at this time was verified since; `nil`: there was no complete pass.
  package var verifiedSince: Int64?
  /// What the last complete pass found, or the one that is under way did so far.
  package var findingCount: UInt64
  /// Where the pass that is under way goes on, and when it began; `nil`: none is.
  package var next: ScrubCursor?
  package var startedAt: Int64?
}

extension Checks {
  /// Bytes between two times at which the place is kept.
  private static let keptByteCount: UInt64 = 256 << 20

  package var scrubStatus: ScrubStatus {
    let hints = core.hints.scrub.withLock { $0 }
    let isUnderWay = hints.startedAt != 0
    return ScrubStatus(
      verifiedSince: hints.verifiedSince == 0 ? nil : hints.verifiedSince,
      findingCount: hints.findingCount,
      next: isUnderWay ? ScrubCursor(segment: hints.segment, offset: hints.offset) : nil,
      startedAt: isUnderWay ? hints.startedAt : nil)
  }

  /// Goes on with the pass over all data that was begun last, or begins one, and keeps in the store
  /// how far it came, so that the next call goes on from there. Otherwise as `scrub`.
  ///
  /// - Parameter isRestarted: begins a new pass although one is under way.
  package func scrubOn(
    isRestarted: Bool, options: ScrubOptions, sleep: (UInt64) -> Void,
    visit: (ScrubProgress) -> Bool
  ) throws(StoreError) -> ScrubReport {
    try core.gate.checkWritable()
    let now = core.clock.wallNanoseconds()
    let (start, found) = core.hints.scrub.withLock { hints in
      if isRestarted || hints.startedAt == 0 {
        hints.startedAt = now
        hints.segment = ScrubCursor.start.segment
        hints.offset = ScrubCursor.start.offset
        hints.findingCount = 0
      }
      return (ScrubCursor(segment: hints.segment, offset: hints.offset), hints.findingCount)
    }
    var kept: UInt64 = 0
    let report = try scrub(from: start, options: options, sleep: sleep) { progress in
      note(progress.next, findingCount: found + UInt64(progress.findingCount))
      if progress.byteCount - kept >= Self.keptByteCount {
        kept = progress.byteCount
        core.hints.save(to: core.disk)
      }
      return visit(progress)
    }
    let findingCount = found + UInt64(report.findings.count + report.omittedCount)
    if let next = report.next {
      note(next, findingCount: findingCount)
    } else {
      endPass(findingCount: findingCount)
    }
    core.hints.save(to: core.disk)
    return report
  }

  private func note(_ next: ScrubCursor, findingCount: UInt64) {
    core.hints.scrub.withLock { hints in
      hints.segment = next.segment
      hints.offset = next.offset
      hints.findingCount = findingCount
    }
  }

  private func endPass(findingCount: UInt64) {
    let now = core.clock.wallNanoseconds()
    core.hints.scrub.withLock { hints in
      hints.verifiedSince = hints.startedAt
      hints.endedAt = now
      hints.startedAt = 0
      hints.findingCount = findingCount
    }
  }
}
