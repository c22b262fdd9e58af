internal import CoppiceFormat
internal import CoppicePlatform

/// Finds what cannot be read and heals the pages of which another frame has the same content.
struct PageRepair {
  let engine: Engine

  /// A page that cannot be read, and what it should be.
  private struct LostPage: Hashable {
    var branch: BranchID
    var volume: VolumeNumber
    var page: UInt64
    var ref: Ref
    var content: Content
  }

  /// Frames of other trust domains are no copies.
  private struct Content: Hashable {
    var hash: PageHash
    var domain: DomainID
  }

  func run(_ report: inout RepairReport, progress: (ScrubProgress) -> Void) throws(StoreError) {
    let scrubbed = try engine.scrub(
      from: .start, options: ScrubOptions(), sleep: { _ in },
      visit: { state in
        progress(state)
        return true
      })
    // What refs name and no directory does is nothing that reading all frames could find.
    let known = Set(scrubbed.findings.map(\.object))
    let unread = try engine.check().findings.filter {
      !$0.affected.isEmpty && !known.contains($0.object)
    }
    let findings = scrubbed.findings + unread
    let lost = lostPages(findings)
    let copies = try self.copies(of: lost)
    var healed: Set<LostPage> = []
    for (branch, pages) in Dictionary(grouping: lost, by: \.branch) {
      let found = pages.filter { copies[$0.content] != nil }
      // Over a node that nothing heals a branch may have layers; it is left alone.
      guard !found.isEmpty, let target = engine.branch(branch) else { continue }
      try heal(target, found, copies)
      healed.formUnion(found)
    }
    if !healed.isEmpty {
      try engine.sealWhatCanBe()
      report.steps.append(
        RepairReport.Step(
          object: "pages", action: "\(healed.count) were replaced by other copies of their content")
      )
    }
    report.healedPageCount = healed.count
    report.lost = findings.compactMap { rest(of: $0, without: healed) }
  }

  // MARK: What is lost

  private func lostPages(_ findings: [Finding]) -> Set<LostPage> {
    var lost: Set<LostPage> = []
    for range in findings.flatMap(\.affected) where range.volumes.count == 1 {
      guard let branch = engine.branch(range.branch), branch.dirtyByteCount == 0 else { continue }
      let root = branch.state.withLock { $0.sealed.root }
      let volume = VolumeNumber(range.volumes.lowerBound)
      for page in range.pages.joined() {
        // Below a node that cannot be read nothing says what a page should be.
        guard let ref = try? root.pageRef(volume, PageNumber(page)), !ref.isHole,
          (try? engine.frames.page(ref)) == nil
        else { continue }
        lost.insert(
          LostPage(
            branch: branch.id, volume: volume, page: page, ref: ref,
            content: Content(hash: ref.hash, domain: branch.domain)))
      }
    }
    return lost
  }

  /// The finding without what was healed; `nil` when nothing is left that anybody reads.
  private func rest(of finding: Finding, without healed: Set<LostPage>) -> Finding? {
    let healedPages = Dictionary(grouping: healed) { Place(branch: $0.branch, volume: $0.volume) }
      .mapValues { PageRanges(ascending: $0.map(\.page).sorted().map { $0..<$0 + 1 }) }
    var left = finding
    left.affected = finding.affected.compactMap { range in
      let place = Place(branch: range.branch, volume: VolumeNumber(range.volumes.lowerBound))
      guard range.volumes.count == 1, !range.pages.isEmpty, let pages = healedPages[place] else {
        return range
      }
      var rest = range
      rest.pages = PageRanges(ascending: range.pages).subtracting(pages).ranges
      return rest.pages.isEmpty ? nil : rest
    }
    return left.affected.isEmpty ? nil : left
  }

  private struct Place: Hashable {
    var branch: BranchID
    var volume: VolumeNumber
  }

  // MARK: Copies

  /// By content: frames that were read and have it.
  private func copies(of lost: Set<LostPage>) throws(StoreError) -> [Content: Ref] {
    let wanted = Dictionary(grouping: Set(lost.map(\.content)), by: \.hash.low)
    if wanted.isEmpty { return [:] }
    var copies: [Content: Ref] = [:]
    let segments = engine.control.withLock {
      engine.catalogue.segments.values.sorted { $0.id < $1.id }
    }
    for segment in segments {
      guard let file = try? engine.files.file(segment.id) else { continue }
      BundleScan(file: file, segment: segment).scan { item in
        guard case .bundle(let bundle) = item else { return }
        for frame in bundle.frames where frame.entry.form.kind == .page {
          for content in wanted[frame.entry.hashPrefix] ?? []
          where content.domain == segment.domain && copies[content] == nil {
            let ref = Ref(hash: content.hash, locator: frame.locator)
            // Reading verifies it.
            if (try? engine.frames.page(ref)) != nil { copies[content] = ref }
          }
        }
      }
    }
    return copies
  }

  /// Puts the copies into the pages' places. The volumes keep their times and byte counts.
  private func heal(_ branch: EngineBranch, _ pages: [LostPage], _ copies: [Content: Ref])
    throws(StoreError)
  {
    for (volume, pages) in Dictionary(grouping: pages, by: \.volume) {
      guard let attributes = try branch.attributes(of: volume) else { continue }
      var transaction = Transaction(time: attributes.modified)
      for page in pages.sorted(by: { $0.page < $1.page }) {
        guard let copy = copies[page.content] else { continue }
        transaction.share(volume, at: page.page * UInt64(engine.pageByteCount), [copy])
      }
      transaction.resize(volume, to: attributes.byteCount)
      try branch.flush(through: try branch.heal(transaction))
    }
  }
}
