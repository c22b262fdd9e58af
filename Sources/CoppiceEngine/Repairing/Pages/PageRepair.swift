internal import CoppiceFormat
internal import CoppicePlatform

/// Finds what cannot be read and heals the pages of which another frame has the same content: the
/// branches get roots that name that frame (`RootReplacement`), whatever layers lie above.
///
/// Goes through the store in parts, so that it holds few findings at a time, however many there
/// are: a part ends with the bundle that makes them many, and is healed before the next begins.
struct PageRepair {
  private static let findingCountOfPart = 1000
  /// Of a check, which cannot be done in parts: it is done again as long as it heals something.
  private static let findingCountMax = 1 << 16

  let engine: Engine
  private var healedCount = 0
  private var lost: [Finding] = []
  private var omittedLostCount = 0
  private var left: [Finding] = []
  private var known: Set<String> = []

  /// A page that cannot be read, and what it should be.
  private struct LostPage: Hashable {
    var branch: BranchID
    var domain: DomainID
    var volume: VolumeNumber
    var page: UInt64
    var ref: Ref
  }

  init(engine: Engine) { self.engine = engine }

  mutating func run(_ report: inout RepairReport, progress: (ScrubProgress) -> Void)
    throws(StoreError)
  {
    try healWhatReadingFinds(progress)
    try healWhatRefsTell()
    if healedCount > 0 {
      report.steps.append(
        RepairReport.Step(
          object: "pages",
          action: "\(quantity(healedCount, "page")) replaced by other copies of the content")
      )
    }
    report.healedPageCount = healedCount
    report.lost = lost
    report.omittedLostCount = omittedLostCount
    report.left = left
  }

  private mutating func healWhatReadingFinds(_ progress: (ScrubProgress) -> Void)
    throws(StoreError)
  {
    var options = ScrubOptions()
    options.findingCountMax = .max
    var cursor = ScrubCursor.start
    var (byteCount, findingCount) = (UInt64(0), 0)
    while true {
      let scrubbed = try engine.checks.scrub(
        from: cursor, options: options, sleep: { _ in },
        visit: { part in
          var whole = part
          whole.byteCount += byteCount
          whole.totalByteCount += byteCount
          whole.findingCount += findingCount
          progress(whole)
          return part.findingCount < Self.findingCountOfPart
        })
      try take(scrubbed.findings)
      guard let next = scrubbed.next else { return }
      cursor = next
      byteCount += scrubbed.byteCount
      findingCount += scrubbed.findings.count
    }
  }

  /// What refs name and no directory does is nothing that reading all frames could find.
  private mutating func healWhatRefsTell() throws(StoreError) {
    while true {
      let checked = try engine.checks.check(findingCountMax: Self.findingCountMax)
      let count = healedCount
      try take(checked.findings.filter { !known.contains($0.object) })
      if checked.omittedCount == 0 || healedCount == count { return }
    }
  }

  /// Heals what the findings concern, as far as there are copies, and keeps the rest.
  private mutating func take(_ findings: [Finding]) throws(StoreError) {
    let pages = try lostPages(findings)
    let copies = try self.copies(of: pages)
    var replacements: [FrameName: Ref] = [:]
    var healed: [Place: [UInt64]] = [:]
    for page in pages {
      guard let copy = copies[Content(page)] else { continue }
      replacements[page.ref.locator.name] = copy
      healed[Place(branch: page.branch, volume: page.volume), default: []].append(page.page)
      healedCount += 1
    }
    if !replacements.isEmpty {
      try RootReplacement(
        engine: engine, nodes: HealedNodes(engine.core.frames), pages: replacements
      ).run()
    }
    let ranges = healed.mapValues { PageRanges(pages: $0.sorted()) }
    for finding in findings { note(rest(of: finding, without: ranges)) }
  }

  private mutating func note(_ finding: Finding) {
    known.insert(finding.object)
    if finding.affected.isEmpty {
      if left.count < CheckReport.findingCountMax { left.append(finding) }
    } else if lost.count < CheckReport.findingCountMax {
      lost.append(finding)
    } else {
      omittedLostCount += 1
    }
  }

  // MARK: What is lost

  private func lostPages(_ findings: [Finding]) throws(StoreError) -> Set<LostPage> {
    var lost: Set<LostPage> = []
    for range in findings.flatMap(\.affected) where range.volumes.count == 1 {
      guard let branch = engine.branches.with(range.branch) else { continue }
      let root = branch.state.withLock { $0.sealed.root }
      let volume = VolumeNumber(range.volumes.lowerBound)
      for page in range.pages.joined() where !branch.sharesUnsealed(volume, PageNumber(page)) {
        // Below a node that cannot be read nothing says what a page should be.
        guard let ref = try readable(root.pageRef(volume, PageNumber(page))), !ref.isHole,
          try readable(engine.core.frames.page(ref)) == nil
        else { continue }
        lost.insert(
          LostPage(
            branch: branch.id, domain: branch.domain, volume: volume, page: page, ref: ref))
      }
    }
    return lost
  }

  /// The finding without what was healed.
  private func rest(of finding: Finding, without healed: [Place: PageRanges]) -> Finding {
    var left = finding
    left.affected = finding.affected.compactMap { range in
      let place = Place(branch: range.branch, volume: VolumeNumber(range.volumes.lowerBound))
      guard range.volumes.count == 1, !range.pages.isEmpty, let pages = healed[place] else {
        return range
      }
      var rest = range
      rest.pages = PageRanges(ascending: range.pages).subtracting(pages).ranges
      return rest.pages.isEmpty ? nil : rest
    }
    // What nobody reads any more is where it was.
    left.isUnused = left.isUnused || (left.affected.isEmpty && !finding.affected.isEmpty)
    return left
  }

  private struct Place: Hashable {
    var branch: BranchID
    var volume: VolumeNumber
  }

  // MARK: Copies

  private struct Content: Hashable {
    var domain: DomainID
    var hash: PageHash

    init(_ page: LostPage) { (domain, hash) = (page.domain, page.ref.hash) }
  }

  /// By content: frames of the same domain that were read and have it.
  private func copies(of lost: Set<LostPage>) throws(StoreError) -> [Content: Ref] {
    let wanted = Dictionary(grouping: Set(lost.map(Content.init)), by: \.hash.low)
    if wanted.isEmpty { return [:] }
    var copies: [Content: Ref] = [:]
    let segments = Array(engine.core.keeper.segments.values)
    try engine.core.segmentStore.scanFrames(of: segments) { frame, segment throws(StoreError) in
      guard frame.entry.form.kind == .page else { return }
      for content in wanted[frame.entry.hashPrefix] ?? []
      where content.domain == segment.domain && copies[content] == nil {
        let ref = Ref(hash: content.hash, locator: frame.locator)
        // Reading verifies it.
        if try readable(engine.core.frames.page(ref)) != nil { copies[content] = ref }
      }
    }
    return copies
  }
}

extension EngineBranch {
  /// Whether a layer refers to a frame for this page: what is damaged may be that frame.
  fileprivate func sharesUnsealed(_ volume: VolumeNumber, _ page: PageNumber) -> Bool {
    state.withLock { state in
      (state.sealed.frozen.layers + [state.open]).contains { layer in
        switch layer[volume]?.lookup(page) {
        case .page(.shared), .adopted: true
        default: false
        }
      }
    }
  }
}
