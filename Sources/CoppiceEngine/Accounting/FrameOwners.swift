internal import CoppiceFormat
internal import CoppicePlatform

/// Which entry, reader or import keeps each frame of a store.
///
/// Every frame gets its owner at its first visit and `several` at the first visit for another, so
/// that no subtree is walked more than twice. Bases get theirs once all states were walked.
final class FrameOwners {
  private let core: StoreCore
  let moment: StoreMoment
  private(set) var holders: [SpaceHolder] = []
  private let numbers = FrameNumbers()
  /// Frames that no state refers to, only what builds on them.
  private let mereBases = FrameSet()

  init(_ core: StoreCore, _ moment: StoreMoment) throws(StoreError) {
    self.core = core
    self.moment = moment
    for entry in moment.entries {
      try add(SpaceHolder(entry.entry), entry.refs)
    }
    if !moment.pinnedRoots.isEmpty { try add(.reader, moment.pinnedRoots) }
    if !moment.importedRefs.isEmpty { try add(.imports, moment.importedRefs) }
    // A base is as needed as what builds on it.
    try core.listing.forEachBase(of: moment.segments) { derived, base in
      let owner = numbers[derived]
      if owner == 0 { return }
      if numbers[base] == 0 { mereBases.insert(base) }
      numbers.own(base, by: owner)
    }
  }

  private func add(_ holder: SpaceHolder, _ refs: [Ref]) throws(StoreError) {
    holders.append(holder)
    let owner = UInt32(holders.count)
    try FrameWalk(frames: core.frames).walk(refs) { numbers.own($0.name, by: owner) }
  }

  /// `nil` for a frame that nothing keeps.
  func holder(of name: FrameName) -> SpaceHolder? {
    let owner = numbers[name]
    if owner == 0 { return nil }
    return owner == FrameNumbers.several ? .several : holders[Int(owner) - 1]
  }

  /// Whether a frame is there only because others build on it.
  func isMereBase(_ name: FrameName) -> Bool { mereBases.contains(name) }
}

extension Accounts {
  /// Tells for every byte of the segments what holds it. Takes time in proportion to the store's
  /// nodes; nothing waits for it.
  ///
  /// - Throws: `corrupt` when a node or a bundle directory cannot be read.
  package func spaceReport() throws(StoreError) -> SpaceReport {
    var report = SpaceReport(time: core.clock.wallNanoseconds())
    let owners = try FrameOwners(core, try StoreMoment(core))
    var unsealed = owners.moment.pinnedPages
    for entry in owners.moment.entries { unsealed.formUnion(entry.unsealed) }
    report.unsealedByteCount = unsealed.byteCount(core.pageByteCount)
    var exclusive: [SpaceHolder: UInt64] = [:]
    var framesByteCount: UInt64 = 0
    var censuses: [SegmentCensus] = []
    try core.listing.forEachPlacedFrame(of: owners.moment.segments) { name, frame, segment in
      if frame.form.kind == .note { return }
      let byteCount = UInt64(frame.storedByteCount)
      framesByteCount += byteCount
      let holder = owners.holder(of: name)
      if censuses.last?.entry.id != segment.id { censuses.append(SegmentCensus(entry: segment)) }
      censuses[censuses.count - 1].add(frame, isLive: holder != nil)
      if owners.isMereBase(name) { report.baseByteCount += byteCount }
      switch holder {
      case .several: report.sharedByteCount += byteCount
      case .some(let holder): exclusive[holder, default: 0] += byteCount
      case nil: break
      }
    }
    for census in censuses {
      report.addDead(census, deadShareMin: CollectionOptions().deadShareMin)
    }
    report.exclusive = owners.holders.uniqued().map {
      SpaceReport.Part(holder: $0, byteCount: exclusive[$0] ?? 0)
    }
    // What moved meanwhile may be counted where it lies now.
    report.storedByteCount = max(
      framesByteCount, owners.moment.segments.reduce(0) { $0 + $1.byteCount })
    report.metadataByteCount = report.storedByteCount - framesByteCount
    return report
  }
}

extension SpaceReport {
  fileprivate mutating func addDead(_ census: SegmentCensus, deadShareMin: Double) {
    guard census.deadByteCount > 0 else { return }
    let isLeft = census.deadShare < deadShareMin
    let holder: SpaceHolder = isLeft ? .segment(census.entry.id) : .nothing
    if !isLeft, let index = dead.firstIndex(where: { $0.holder == .nothing }) {
      dead[index].byteCount += UInt64(census.deadByteCount)
    } else {
      dead.append(Part(holder: holder, byteCount: UInt64(census.deadByteCount)))
    }
  }
}

extension Array where Element: Hashable {
  /// Each element once, where it is first.
  fileprivate func uniqued() -> [Element] {
    var seen: Set<Element> = []
    return filter { seen.insert($0).inserted }
  }
}
