internal import CoppiceFormat
internal import CoppicePlatform

/// Copies what is live out of segments with damaged bundle directories, so that collections work again:
/// refs tell where every live frame lies and what it is, without a directory.
///
/// The copies lie in hosts, as after a collection, and the segments go. What is damaged itself goes
/// with them; it was listed, and nobody could read it.
struct SegmentRescue {
  let engine: Engine

  /// A frame as a ref tells it.
  private struct Found {
    var locator: Locator
    var hashPrefix: UInt64
  }

  /// Returns the segments that were rescued.
  func run(_ saved: inout SavedFiles) throws(StoreError) -> [SegmentID] {
    let damaged = try damagedSegments()
    if damaged.isEmpty { return [] }
    for segment in damaged { try saved.save(SegmentFiles.path(segment.id)) }
    // Before anything moves: all refs, by the segments that they lead to.
    let found = try liveFrames(in: Set(damaged.map(\.id)))
    var moved = Collection.Moved()
    for segment in damaged {
      let writer = HostWriter(engine, domain: segment.domain)
      let home = found.filter { $0.locator.name.segment == segment.id }
      for frame in home.sorted(by: { $0.locator.name < $1.locator.name }) {
        try copy(frame, to: writer)
      }
      try writer.finish()
      moved.ends += writer.ends
      let hosts = writer.hosts[segment.id].map { $0.sorted() } ?? []
      if !hosts.isEmpty { moved.homes.append(RetiredSegment(id: segment.id, hosts: hosts)) }
    }
    try record(damaged.map(\.id), moved)
    return damaged.map(\.id)
  }

  /// Only segments that name their frames themselves: in a host nothing but the directory says which
  /// frames there are.
  private func damagedSegments() throws(StoreError) -> [SegmentEntry] {
    engine.appenders.closeAll()
    try engine.publishAppended()
    let segments = engine.control.withLock { Array(engine.catalogue.segments.values) }
    return segments.sorted { $0.id < $1.id }.filter { segment in
      guard !segment.flags.contains(.host), let file = try? engine.files.file(segment.id) else {
        return false
      }
      var isDamaged = false
      BundleScan(file: file, segment: segment).scan { item in
        if case .damage = item { isDamaged = true }
      }
      return isDamaged
    }
  }

  private func liveFrames(in segments: Set<SegmentID>) throws(StoreError) -> [Found] {
    let visited = FrameSet()
    let taken = FrameSet()
    var found: [Found] = []
    func take(_ locator: Locator, _ hashPrefix: UInt64) {
      guard segments.contains(locator.name.segment), taken.insert(locator.name) else { return }
      found.append(Found(locator: locator, hashPrefix: hashPrefix))
    }
    try takeNotes(segments, take)
    let roots = engine.control.withLock {
      engine.catalogue.branches.values.map(\.root)
        + engine.branches.values.flatMap { branch in
          branch.state.withLock { state in
            state.open.storedRefs + state.sealed.frozen.layers.flatMap(\.storedRefs)
          }
        }
    }
    var derived: [Locator] = []
    try FrameWalk(frames: engine.frames).walk(
      roots,
      enter: { met in
        met.removeAll { !visited.insert($0.locator.name) }
        for frame in met {
          if !frame.isBase { take(frame.locator, frame.ref.hash.low) }
          let form = frame.locator.form
          if frame.isBase || form.isDerived { derived.append(frame.locator) }
        }
      },
      // Listed as lost already; what lies below it only this node could tell.
      unreadable: { _, _ in })
    try takeBases(of: derived, visited, take)
    return found
  }

  /// No ref leads to notes.
  private func takeNotes(_ segments: Set<SegmentID>, _ take: (Locator, UInt64) -> Void)
    throws(StoreError)
  {
    let entries = engine.control.withLock { segments.compactMap { engine.catalogue.segments[$0] } }
    for entry in entries {
      BundleScan(file: try engine.openSegment(entry.id), segment: entry).scan { item in
        guard case .bundle(let bundle) = item else { return }
        for frame in bundle.frames where frame.entry.form.kind == .note { take(frame.locator, 0) }
      }
    }
  }

  /// Bases are named by what builds on them, without the hash of their content.
  private func takeBases(
    of frames: [Locator], _ visited: FrameSet, _ take: (Locator, UInt64) -> Void
  ) throws(StoreError) {
    let taken = FrameSet()
    for locator in frames {
      var base: Locator?
      if locator.form.isDerived {
        // A derived frame that cannot be read needs no base.
        base = try? engine.frames.codecs.withSet { set throws(StoreError) in
          try engine.frames.base(of: locator, set)
        }
      } else {
        base = locator
      }
      guard let base, taken.insert(base.name) else { continue }
      if base.form.kind == .page {
        if visited.contains(base.name) { continue }
        let page = try? engine.frames.codecs.withSet { set throws(StoreError) in
          try engine.frames.decodePage(base, set)
        }
        if let page { take(base, engine.frames.secret.pageHash(page.contents).low) }
      } else if let node = try? engine.frames.baseNode(base) {
        take(base, node.header.id.low)
      }
    }
  }

  private func copy(_ frame: Found, to writer: HostWriter) throws(StoreError) {
    try engine.frames.codecs.withSet { set throws(StoreError) in
      let base =
        frame.locator.form.isDerived
        ? try? engine.frames.base(of: frame.locator, set).name : FrameName.none
      // A frame without a base or without bytes was lost before.
      guard let base, let stored = try? engine.frames.storedBytes(frame.locator, set) else {
        return
      }
      try writer.copy(
        PendingFrame(
          stored: stored, form: frame.locator.form, hashPrefix: frame.hashPrefix, volume: .names,
          page: PageNumber(0), base: base),
        name: frame.locator.name)
    }
  }

  private func record(_ victims: [SegmentID], _ moved: Collection.Moved) throws(StoreError) {
    var records: [ControlRecord] = [.moved(victims: victims, hosts: [], ends: moved.ends)]
    for piece in Engine.pieces(moved.homes, of: 256) {
      records.append(.moved(victims: [], hosts: Array(piece), ends: []))
    }
    let lsn = try engine.control.withLock { () throws(StoreError) in
      try engine.record(records.map { (BranchID(0), $0) })
    }
    try engine.journal.flush(through: lsn)
    engine.appenders.finishHosts(moved.ends.map(\.segment))
    engine.retired.update(engine.control.withLock { engine.catalogue })
    try engine.checkpoint()
    try engine.unlink(victims)
  }
}
