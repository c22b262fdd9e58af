internal import CoppiceFormat
internal import CoppicePlatform

extension CollectionRun {
  /// Marks everything that roots reach by effective refs, what it builds on, and the newest note of
  /// every branch. What readers and imports keep besides comes after what branches do. Bases come
  /// last: by then every node that a root reaches was walked.
  ///
  /// A node that cannot be read is reported, and everything it could refer to, all frames of its
  /// domain with smaller names, counts as live in this cycle.
  func mark() throws(StoreError) {
    try mark(roots)
    for loan in loans { try mark(loan.refs, for: loan) }
    try markBasesAndNotes()
    report.markByteCount = core.cycle.withLive { $0.byteCount }
  }

  /// - Parameter loan: whose refs they are, unless they are those of entries.
  private func mark(_ refs: [Ref], for loan: Loan? = nil) throws(StoreError) {
    let cycle = core.cycle
    try FrameWalk(frames: core.frames).walk(
      refs,
      enter: { met in
        cycle.withLive { live in
          met.removeAll {
            let name = $0.locator.name
            if name.segment < live.youngFrom { return true }
            guard let loan else { return !live.reached.insert(name) }
            if live.reached.contains(name) || !live.lent.insert(name) { return true }
            loan.frames.insert(name)
            return false
          }
        }
      },
      visited: { () throws(StoreError) in
        report.nodeCount += 1
        try pace.visitNode()
        announce(.marking)
      },
      unreadable: { locator, error throws(StoreError) in try keepAll(below: locator, error) })
  }

  /// Whether readers or imports keep what no entry does.
  var hasLoans: Bool { loans.contains { $0.frames.count > 0 } }

  private func keepAll(below locator: Locator, _ error: StoreError) throws(StoreError) {
    let name = locator.name
    report.unreadable.append(core.frames.describe(locator))
    guard let domain = core.domain(of: name.segment) else {
      // Nothing says which frames it may refer to.
      throw StoreError(
        .corrupt, "the collection was given up: \(error.message), and its segment is unknown",
        object: core.frames.describe(locator),
        remedy: .damagedStructure)
    }
    core.cycle.keepAll(through: name, of: domain)
  }

  /// The segments that this collection looks at, in order of their ids.
  var candidates: [SegmentEntry] {
    let (entries, retired) = core.keeper.read { ($0.catalogue.segments, $0.catalogue.retired) }
    // Hosts hold frames with names older than themselves; only few hold young ones.
    var hosts: Set<SegmentID> = []
    for home in retired.values where home.id >= youngFrom { hosts.formUnion(home.hosts) }
    return entries.values
      .filter { entry in
        guard entry.id < firstBorn, entry.id >= youngFrom else { return false }
        return !entry.flags.contains(.host) || hosts.contains(entry.id)
      }
      .sorted { $0.id < $1.id }
  }

  private func markBasesAndNotes() throws(StoreError) {
    let retired = core.keeper.catalogue.retired
    var notes: [BranchID: (lsn: LSN, frame: FrameName)] = [:]
    for entry in candidates {
      try forEachBundle(entry, retired) { bundle throws(StoreError) in
        core.cycle.withLive { live in
          for index in bundle.frames.indices {
            let frame = bundle.frames[index]
            // A base lies in the same domain, before what builds on it.
            guard frame.base != .none, frame.base.segment >= youngFrom else { continue }
            if live.keepsBesidesLoans(bundle.names[index], entry.domain) {
              live.bases.insert(frame.base)
              if frame.form.kind == .page, !live.reached.contains(frame.base) {
                hasMereBases = true
              }
            } else if live.lent.contains(bundle.names[index]) {
              live.lentBases.insert(frame.base)
              for loan in loans where loan.frames.contains(bundle.names[index]) {
                loan.frames.insert(frame.base)
              }
            }
          }
        }
        for index in bundle.frames.indices where bundle.frames[index].form.kind == .note {
          // A note that is damaged says nothing.
          guard let note = try bundle.note(index), keptBranches.contains(note.branch) else {
            continue
          }
          let found = (lsn: note.lsn, frame: bundle.names[index])
          notes[note.branch] = notes[note.branch].map { $0 < found ? found : $0 } ?? found
        }
      }
    }
    core.cycle.withLive { live in
      for note in notes.values { live.reached.insert(note.frame) }
    }
  }

  /// A bundle as collections look at it.
  struct LookedAtBundle {
    let file: SegmentHandle
    let bundle: Bundle
    let names: [FrameName]
    /// A copy in a host that the retired table does not name for it, left by a collection that
    /// failed, does not count.
    let isPlaced: [Bool]

    var frames: [BundleDirectoryEntry] { bundle.directory.entries }

    func note(_ index: Int) throws(StoreError) -> NoteFrame? {
      let start = UInt64(bundle.frameOffsets[index])
      let bytes = try readable(
        file.bytes(at: start, count: frames[index].storedByteCount))
      return bytes.flatMap { try? NoteFrame.decode($0.span.bytes) }
    }
  }

  /// Visits a segment's bundles, each verified.
  func forEachBundle(
    _ entry: SegmentEntry, _ retired: [SegmentID: RetiredSegment],
    _ visit: (LookedAtBundle) throws(StoreError) -> Void
  ) throws(StoreError) {
    if entry.frameCount == 0 { return }
    let file: SegmentHandle
    do throws(SegmentError) { file = try core.segmentStore.open(entry.id) } catch {
      throw .opening(entry.id, error)
    }
    try BundleReader(file, entry).forEach { bundle throws(StoreError) in
      let names = bundle.directory.entries.indices.map { bundle.name(ofEntry: $0) }
      let isPlaced =
        bundle.header.hasHomeNames
        ? names.map { retired[$0.segment]?.hosts.contains(entry.id) ?? false }
        : [Bool](repeating: true, count: names.count)
      try visit(
        LookedAtBundle(file: file, bundle: bundle, names: names, isPlaced: isPlaced))
      try pace.spend(Int(bundle.header.directoryByteCount))
    }
  }
}
