internal import CoppiceFormat
internal import CoppicePlatform

extension Checks {
  /// Reads, decodes and verifies every stored frame from `cursor` on, bundle by bundle, beside
  /// readers and writers. Changes nothing.
  ///
  /// - Parameters:
  ///   - sleep: waits that many nanoseconds; called between bundles to keep to the rate.
  ///   - visit: called after every bundle; false stops, and the report says where to go on.
  /// - Throws: `unavailable` when the store is closed. Damage is a finding, never an error.
  package func scrub(
    from cursor: ScrubCursor, options: ScrubOptions, sleep: (UInt64) -> Void,
    visit: (ScrubProgress) -> Bool
  ) throws(StoreError) -> ScrubReport {
    core.unsealable.forgetAll()
    let scrub = Scrub(checkedStore, findingCountMax: options.findingCountMax)
    try scrub.run(from: cursor, options: options, clock: core.clock, sleep: sleep, visit: visit)
    // Not before: what a moment refers to stays, and a scrub may take days.
    return try withChecker { checker throws(StoreError) in try scrub.report(checker) }
  }
}

/// One pass over the frames of a store, in order of places.
private final class Scrub {
  private let store: CheckedStore
  private let frames: FrameReader
  private let findings: FindingList
  private var scrubbed = ScrubReport()

  init(_ store: CheckedStore, findingCountMax: Int) {
    self.store = store
    findings = FindingList(countMax: findingCountMax)
    frames = store.makeReader()
  }

  func run(
    from cursor: ScrubCursor, options: ScrubOptions, clock: any StoreClock,
    sleep: (UInt64) -> Void, visit: (ScrubProgress) -> Bool
  ) throws(StoreError) {
    let segments = store.current().segments.values.filter { $0.id >= cursor.segment }
    let total = segments.reduce(0) { sum, segment in
      sum + segment.byteCount - min(segment.byteCount, start(in: segment, cursor))
    }
    let began = clock.monotonicNanoseconds()
    let isWhole = try store.segmentWalk.forEach(of: segments) { segment throws(StoreError) in
      try findings.checkUnhindered()
      return try store.look(at: segment, findings) { file throws(StoreError) in
        try scrub(segment, file, from: cursor) { next, byteCount in
          if let rate = options.byteCountPerSecond, rate > 0 {
            let due = UInt64(Double(byteCount) / Double(rate) * 1e9)
            let spent = clock.monotonicNanoseconds() - began
            if due > spent { sleep(due - spent) }
          }
          return visit(
            ScrubProgress(
              next: next, byteCount: byteCount, totalByteCount: max(total, byteCount),
              findingCount: findings.findings.count))
        } ? .done : .stop
      }
    }
    if isWhole { scrubbed.next = nil }
  }

  /// What was found, and what it means for branches as they are now.
  func report(_ checker: StoreChecker) throws(StoreError) -> ScrubReport {
    try checker.resolve(findings, frames)
    try findings.checkUnhindered()
    scrubbed.findings = findings.findings
    scrubbed.omittedCount = findings.omittedCount
    return scrubbed
  }

  private func start(in segment: SegmentEntry, _ cursor: ScrubCursor) -> UInt64 {
    let first = UInt64(SegmentHeader.byteCount)
    return segment.id == cursor.segment ? max(first, cursor.offset) : first
  }

  /// Returns false when `visit` stopped it; `scrubbed.next` then says where.
  private func scrub(
    _ segment: SegmentEntry, _ file: SegmentHandle, from cursor: ScrubCursor,
    _ visit: (ScrubCursor, UInt64) -> Bool
  ) throws(StoreError) -> Bool {
    let path = SegmentStore.path(segment.id)
    var isStopped = false
    let start = start(in: segment, cursor)
    // The scan begins anew: it has to know the ordinals, and directories are small.
    try BundleReader(file, segment).scan { item throws(StoreError) in
      if isStopped { return }
      switch item {
      // It may reach from what was read before into what is not read yet.
      case .damage(let damage) where max(damage.end, damage.offset + 1) > start:
        findings.add(
          "\(path) bundle at offset \(damage.offset)",
          "\(damage.message); \(quantity(damage.ordinals.count, "frame")) cannot be found in it",
          partOf: segment, ordinals: damage.ordinals)
      case .bundle(let bundle) where bundle.offset >= start:
        for frame in bundle.frames { scrub(frame, in: file) }
        // Whoever goes on later begins with what could not be read now.
        try findings.checkUnhindered()
        scrubbed.byteCount += UInt64(bundle.header.bundleByteCount)
        let next = ScrubCursor(
          segment: segment.id, offset: bundle.offset + UInt64(bundle.header.bundleByteCount))
        scrubbed.next = next
        isStopped = !visit(next, scrubbed.byteCount)
      default: break
      }
    }
    return !isStopped
  }

  // MARK: Frames

  /// A frame is read where it was found: one that nothing refers to any more may have a name that
  /// leads nowhere.
  private func scrub(_ frame: FrameInspection, in file: SegmentHandle) {
    scrubbed.frameCount += 1
    do throws(StoreError) {
      switch frame.entry.form.kind {
      case .page: try verifyPage(frame, file)
      case .volumeNode, .tableNode: try verifyNode(frame, file)
      default: try verifyNote(frame, file)
      }
    } catch {
      findings.note(error)
      // A damaged base affects what builds on it; that is no finding of its own.
      if frame.entry.base != .none, !findings.indices(of: frame.entry.base).isEmpty { return }
      let object = frames.describe(frame.locator)
      if frame.entry.base != .none, !isThere(frame.entry.base) {
        findings.addIfNeeded(object, "its base is missing", frame: frame.name)
      } else {
        findings.add(object, error, frame: frame.name)
      }
    }
  }

  private func isThere(_ name: FrameName) -> Bool {
    if store.current().segments[name.segment] != nil { return true }
    do throws(StoreError) { return try frames.retired.find(name) != nil } catch {
      // Hosts that cannot be read have findings of their own.
      findings.note(error)
      return false
    }
  }

  private func verifyPage(_ frame: FrameInspection, _ file: SegmentHandle)
    throws(StoreError)
  {
    let page = try frames.codecs.withSet { set throws(StoreError) in
      try frames.decodePage(frame.locator, set, in: file)
    }
    guard frames.secret.pageHash(page.contents).low == frame.entry.hashPrefix else {
      throw mismatch(frame)
    }
  }

  private func verifyNode(_ frame: FrameInspection, _ file: SegmentHandle)
    throws(StoreError)
  {
    let node = try frames.codecs.withSet { set throws(StoreError) in
      try frames.decodeNode(frame.locator, set, in: file)
    }
    let id = NodeCodec.identify(node.header, refs: node.refs, secret: frames.secret)
    guard id == node.header.id, id.low == frame.entry.hashPrefix else { throw mismatch(frame) }
  }

  /// Nothing refers to a note by its name.
  private func verifyNote(_ frame: FrameInspection, _ file: SegmentHandle)
    throws(StoreError)
  {
    if let problem = try frame.problemOfNote(in: file) {
      findings.add("\(frames.describe(frame.locator)), a note", problem)
    }
  }

  private func mismatch(_ frame: FrameInspection) -> StoreError {
    StoreError(
      .corrupt, "its content does not have the hash it was stored under",
      object: frames.describe(frame.locator))
  }
}
