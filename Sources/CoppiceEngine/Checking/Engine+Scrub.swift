internal import CoppiceFormat
internal import CoppicePlatform

extension Engine {
  /// Reads, decodes and verifies every stored frame from `cursor` on, bundle by bundle, beside readers
  /// and writers. Changes nothing.
  ///
  /// - Parameters:
  ///   - sleep: waits that many nanoseconds; called between bundles to keep to the rate.
  ///   - visit: called after every bundle; false stops, and the report says where to go on.
  /// - Throws: `unavailable` when the store is closed. Damage is a finding, never an error.
  package func scrub(
    from cursor: ScrubCursor, options: ScrubOptions, sleep: (UInt64) -> Void,
    visit: (ScrubProgress) -> Bool
  ) throws(StoreError) -> ScrubReport {
    unsealable.forgetAll()
    return try withChecker { checker throws(StoreError) in
      try Scrub(checker, findingCountMax: options.findingCountMax).run(
        from: cursor, options: options, clock: clock, sleep: sleep, visit: visit)
    }
  }
}

/// One pass over the frames of a store, in order of places.
private final class Scrub {
  private let checker: StoreChecker
  private let frames: FrameReader
  private let findings: FindingList
  private var report = ScrubReport()

  init(_ checker: StoreChecker, findingCountMax: Int) {
    self.checker = checker
    findings = FindingList(countMax: findingCountMax)
    frames = checker.makeReader()
  }

  func run(
    from cursor: ScrubCursor, options: ScrubOptions, clock: any StoreClock,
    sleep: (UInt64) -> Void, visit: (ScrubProgress) -> Bool
  ) throws(StoreError) -> ScrubReport {
    let all = checker.catalogue.segments.values.sorted { $0.id < $1.id }
    let segments = all.filter { $0.id >= cursor.segment }
    let total = segments.reduce(0) { sum, segment in
      sum + segment.byteCount - min(segment.byteCount, start(in: segment, cursor))
    }
    let began = clock.monotonicNanoseconds()
    for segment in segments {
      let isWhole = scrub(segment, from: cursor) { next, byteCount in
        if let rate = options.byteCountPerSecond, rate > 0 {
          let due = UInt64(Double(byteCount) / Double(rate) * 1e9)
          let spent = clock.monotonicNanoseconds() - began
          if due > spent { sleep(due - spent) }
        }
        return visit(
          ScrubProgress(
            next: next, byteCount: byteCount, totalByteCount: total,
            findingCount: findings.findings.count))
      }
      if !isWhole { break }
      report.next = nil
    }
    try checker.resolve(findings, all, frames)
    report.findings = findings.findings
    report.omittedCount = findings.omittedCount
    return report
  }

  private func start(in segment: SegmentEntry, _ cursor: ScrubCursor) -> UInt64 {
    let first = UInt64(SegmentHeader.byteCount)
    return segment.id == cursor.segment ? max(first, cursor.offset) : first
  }

  /// Returns false when `visit` stopped it; `report.next` then says where.
  private func scrub(
    _ segment: SegmentEntry, from cursor: ScrubCursor,
    _ visit: (ScrubCursor, UInt64) -> Bool
  ) -> Bool {
    let path = SegmentFiles.path(segment.id)
    guard let file = try? checker.files.file(segment.id) else {
      if checker.isKnown(segment.id) {
        findings.add(
          path, "the segment cannot be opened", segment: segment.id,
          ordinals: 0..<max(1, segment.frameCount))
      }
      return true
    }
    var isStopped = false
    let start = start(in: segment, cursor)
    // The scan begins anew: it has to know the ordinals, and directories are small.
    BundleScan(file: file, segment: segment).scan { item in
      if isStopped { return }
      switch item {
      case .damage(let damage) where damage.offset >= start:
        findings.add(
          "\(path) bundle at offset \(damage.offset)",
          "\(damage.message); \(damage.ordinals.count) frames cannot be found in it",
          segment: segment.id, ordinals: damage.ordinals)
      case .bundle(let bundle) where bundle.offset >= start:
        for frame in bundle.frames { scrub(frame, in: segment.id) }
        report.byteCount += UInt64(bundle.header.bundleByteCount)
        let next = ScrubCursor(
          segment: segment.id, offset: bundle.offset + UInt64(bundle.header.bundleByteCount))
        report.next = next
        isStopped = !visit(next, report.byteCount)
      default: break
      }
    }
    return !isStopped
  }

  // MARK: Frames

  private func scrub(_ frame: StoreInspector.FrameInspection, in segment: SegmentID) {
    report.frameCount += 1
    do throws(StoreError) {
      switch frame.entry.form.kind {
      case .page: try verifyPage(frame)
      case .volumeNode, .tableNode: try verifyNode(frame)
      default: try verifyNote(frame)
      }
    } catch {
      // A damaged base affects what builds on it; that is no finding of its own.
      if frame.entry.base != .none, !findings.indices(of: frame.entry.base).isEmpty { return }
      let object = frames.describe(frame.locator)
      if frame.entry.base != .none, !isThere(frame.entry.base) {
        findings.addIfNeeded(object, "its base is missing", frame: frame.name)
      } else {
        findings.add(object, error.message, frame: frame.name)
      }
    }
  }

  private func isThere(_ name: FrameName) -> Bool {
    if checker.catalogue.segments[name.segment] != nil { return true }
    // Hosts that cannot be read have findings of their own.
    return (try? frames.retired.find(name)) != nil
  }

  private func verifyPage(_ frame: StoreInspector.FrameInspection) throws(StoreError) {
    let page = try frames.codecs.withSet { set throws(StoreError) in
      try frames.decodePage(frame.locator, set)
    }
    guard frames.secret.pageHash(page.contents).low == frame.entry.hashPrefix else {
      throw mismatch(frame)
    }
  }

  private func verifyNode(_ frame: StoreInspector.FrameInspection) throws(StoreError) {
    let node = try frames.codecs.withSet { set throws(StoreError) in
      try frames.decodeNode(frame.locator, set)
    }
    let id = NodeCodec.identify(node.header, refs: node.refs, secret: frames.secret)
    guard id == node.header.id, id.low == frame.entry.hashPrefix else { throw mismatch(frame) }
  }

  private func verifyNote(_ frame: StoreInspector.FrameInspection) throws(StoreError) {
    try frames.codecs.withSet { set throws(StoreError) in
      let stored = try frames.storedBytes(frame.locator, set)
      do throws(FormatError) { _ = try NoteFrame.decode(stored.bytes) } catch {
        throw StoreError(error, in: frames.describe(frame.locator))
      }
    }
  }

  private func mismatch(_ frame: StoreInspector.FrameInspection) -> StoreError {
    StoreError(
      .corrupt, "its content does not have the hash it was stored under",
      object: frames.describe(frame.locator))
  }
}
