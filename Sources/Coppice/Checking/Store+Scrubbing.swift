internal import CoppiceEngine

/// How a scrub reads.
public struct ScrubOptions: Hashable, Sendable {
  /// Bytes to read in a second at most, more than 0; `nil`: as many as the device and one core can.
  public var byteCountPerSecond: UInt64?
  /// Stops after about this many bytes, more than 0; `nil`: at the end.
  public var byteCountMax: UInt64?
  /// What `ScrubReport.next` was of an earlier scrub: begins there, and the store is only read.
  /// `nil`: goes on with the pass that is under way, or begins one, and the store keeps its place.
  public var start: String?
  /// Begins a new pass although one is under way.
  public var isRestarting: Bool

  /// Without arguments: reads all that is left of a pass, as fast as that goes.
  public init(
    byteCountPerSecond: UInt64? = nil, byteCountMax: UInt64? = nil, start: String? = nil,
    isRestarting: Bool = false
  ) {
    self.byteCountPerSecond = byteCountPerSecond
    self.byteCountMax = byteCountMax
    self.start = start
    self.isRestarting = isRestarting
  }
}

/// How far a scrub, or what a repair reads, has come.
public struct ScrubProgress: Hashable, Sendable, Codable {
  /// Stored bytes read by this call.
  public var byteCount: UInt64
  /// Stored bytes from where this call began to the end.
  public var totalByteCount: UInt64
  /// What this call has found so far.
  public var findingCount: Int

  init(_ progress: CoppiceEngine.ScrubProgress) {
    byteCount = progress.byteCount
    totalByteCount = progress.totalByteCount
    findingCount = progress.findingCount
  }
}

/// What a scrub read, and what it found.
public struct ScrubReport: Hashable, Sendable, Codable {
  /// Whether it found no damage.
  public var isClean: Bool
  /// At most 1,000.
  public var findings: [Finding]
  /// Findings that are not listed.
  public var omittedCount: Int
  /// Pages, nodes and notes that were read.
  public var frameCount: Int
  /// Stored bytes that were read.
  public var byteCount: UInt64
  /// Where to go on; `nil` at the end of the store. Stays valid whatever is written meanwhile.
  public var next: String?
  /// When the last complete pass began: all that was stored then was verified since. `nil` before
  /// the first pass has ended.
  public var completePassStartedAt: Timestamp?

  fileprivate init(
    _ report: CoppiceEngine.ScrubReport, _ status: ScrubStatus, _ paths: FilePaths
  ) {
    findings = report.findings.map { Finding($0, paths) }
    isClean = findings.isEmpty
    omittedCount = report.omittedCount
    frameCount = report.frameCount
    byteCount = report.byteCount
    next = report.next?.text
    completePassStartedAt = status.verifiedSince.map { Timestamp(nanoseconds: $0) }
  }
}

extension Store {
  /// Reads, decodes and verifies what is stored, every page and node against its hash, in order of
  /// places and beside readers and writers. Changes nothing but the place where the next scrub goes
  /// on, which the store keeps now and then and at the end. Damage is a finding, never an error.
  ///
  /// Throws `invalid` for options that make no sense; `denied` without `ScrubOptions.start` in a
  /// store that was opened for reading only; `unavailable` once it is cancelled: it goes on where
  /// it stopped then, but what it found is not told.
  /// - Parameters:
  ///   - isCancelled: asked after every few pages, and some times a second while the rate makes it
  ///     wait, on the thread that calls.
  ///   - progress: told after every few pages, on the same thread, how far it is.
  public func scrub(
    _ options: ScrubOptions = ScrubOptions(), isCancelled: (@Sendable () -> Bool)? = nil,
    progress: ((ScrubProgress) -> Void)? = nil
  ) throws(StoreError) -> ScrubReport {
    for (name, count) in [("rate", options.byteCountPerSecond), ("limit", options.byteCountMax)]
    where count == 0 {
      throw StoreError(
        .invalid, "nothing can be read with a \(name) of 0 bytes",
        remedy: "give a larger one, or none")
    }
    let isCancelled = isCancelled ?? { false }
    let pause = Pause()
    let sleep = { (nanoseconds: UInt64) in
      pause.wait(nanoseconds: nanoseconds) { !isCancelled() }
    }
    let visit = { (reached: CoppiceEngine.ScrubProgress) in
      progress?(ScrubProgress(reached))
      return !isCancelled() && options.byteCountMax.map { reached.byteCount < $0 } ?? true
    }
    let rate = CoppiceEngine.ScrubOptions(byteCountPerSecond: options.byteCountPerSecond)
    let report: CoppiceEngine.ScrubReport
    if let start = options.start {
      guard let cursor = ScrubCursor(text: start) else {
        throw StoreError(
          .invalid, "is no place of a scrub", object: start,
          remedy: "write what 'next' was: SEGMENT:OFFSET")
      }
      report = try engine.checks.scrub(from: cursor, options: rate, sleep: sleep, visit: visit)
    } else {
      report = try engine.checks.scrubOn(
        isRestarted: options.isRestarting, options: rate, sleep: sleep, visit: visit)
    }
    guard !isCancelled() else {
      throw StoreError(.unavailable, "was cancelled", remedy: "nothing was changed; ask again")
    }
    return ScrubReport(report, engine.checks.scrubStatus, FilePaths(self))
  }
}
