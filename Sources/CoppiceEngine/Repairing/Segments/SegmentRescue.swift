internal import CoppiceFormat
internal import CoppicePlatform

/// Copies what is live out of segments with damaged bundle directories, so that collections work
/// again, or with damaged notes, which are written anew: refs tell where every live frame lies and
/// what it is, without a directory. In hosts, whose frames bear other segments' names, they only
/// tell what it is; a search finds out where.
///
/// The copies lie in hosts, as after a collection, and the segments go. What is damaged itself goes
/// with them; it was listed, and nobody could read it.
struct SegmentRescue {
  let engine: Engine

  /// A frame as a ref tells it.
  private struct Found {
    var locator: Locator
    var hashPrefix: UInt64
    /// Where it lies now.
    var segment: SegmentID
    /// What the directory says, where it is whole.
    var entry: BundleDirectoryEntry?
  }

  /// Returns the segments that were rescued.
  func run(_ saved: inout SavedFiles) throws(StoreError) -> [SegmentID] {
    let damaged = try damagedSegments()
    if damaged.isEmpty { return [] }
    for segment in damaged { try saved.save(SegmentStore.path(segment.id)) }
    // Nothing names notes; where there may have been some, they are written anew.
    try engine.sealer.appendNotes(engine.core.keeper.entries)
    try engine.sealer.publishAppended()
    // Before anything moves: all refs, by the segments that they lead to.
    let roots = roots()
    try HostSearch(engine: engine).run(roots)
    let found = try liveFrames(in: Set(damaged.map(\.id)), below: roots)
    var ends: [SegmentEnd] = []
    var hosts: [(domain: DomainID, hosts: [SegmentID: Set<SegmentID>])] = []
    for segment in damaged {
      let writer = HostWriter(engine.core, domain: segment.domain)
      let own = found.filter { $0.segment == segment.id }
      for frame in own.sorted(by: { $0.locator.name < $1.locator.name }) {
        try copy(frame, to: writer)
      }
      try writer.finish()
      ends += writer.ends
      hosts.append((segment.domain, writer.hosts))
    }
    let moved = CollectionRun.Moved(homes: newHomes(damaged, hosts), ends: ends)
    try record(damaged.map(\.id), moved)
    return damaged.map(\.id)
  }

  private func roots() -> [Ref] {
    engine.core.keeper.read { kept in
      kept.catalogue.branches.values.map(\.root)
        + kept.branches.values.flatMap { branch in
          branch.state.withLock { state in
            state.open.storedRefs + state.sealed.frozen.layers.flatMap(\.storedRefs)
          }
        }
    }
  }

  private func damagedSegments() throws(StoreError) -> [SegmentEntry] {
    engine.core.appenders.closeAll()
    try engine.sealer.publishAppended()
    let segments = Array(engine.core.keeper.segments.values)
    var damaged: [SegmentEntry] = []
    for segment in segments.sorted(by: { $0.id < $1.id }) {
      // One that is missing is lost.
      guard let file = try engine.core.segmentStore.openReadable(segment.id) else { continue }
      let bundles = BundleReader(file, segment)
      if try bundles.findsDamage() {
        damaged.append(segment)
      } else if try bundles.findsDamagedNote() {
        damaged.append(segment)
      }
    }
    return damaged
  }

  /// For every home with frames in a damaged segment, the hosts that have what was found of them.
  private func newHomes(
    _ damaged: [SegmentEntry], _ hosts: [(domain: DomainID, hosts: [SegmentID: Set<SegmentID>])]
  ) -> [RetiredSegment] {
    let gone = Set(damaged.map(\.id))
    let retired = engine.core.keeper.catalogue.retired
    var homes = Set(damaged.filter { !$0.flags.contains(.host) }.map(\.id))
    for home in retired.values where !gone.isDisjoint(with: home.hosts) { homes.insert(home.id) }
    return homes.sorted().compactMap { home in
      let old = retired[home]?.hosts ?? []
      var list = Set(old).subtracting(gone)
      for table in hosts { list.formUnion(table.hosts[home] ?? []) }
      if list.isEmpty,
        let domain = damaged.first(where: { $0.id == home || old.contains($0.id) })?
          .domain
      {
        // Lost frames keep a home, so that collections know their domain.
        list.formUnion(hosts.first { $0.domain == domain }?.hosts.values.first ?? [])
      }
      return list.isEmpty && old.isEmpty ? nil : RetiredSegment(id: home, hosts: list.sorted())
    }
  }

  private func liveFrames(in segments: Set<SegmentID>, below roots: [Ref]) throws(StoreError)
    -> [Found]
  {
    let visited = FrameSet()
    let taken = FrameSet()
    let (entries, notes) = try directories(of: segments)
    var found = notes
    func take(_ locator: Locator, _ hashPrefix: UInt64) throws(StoreError) {
      guard let segment = try segment(of: locator.name), segments.contains(segment),
        taken.insert(locator.name)
      else { return }
      found.append(
        Found(
          locator: locator, hashPrefix: hashPrefix, segment: segment,
          entry: entries[locator.name]))
    }
    var derived: [Locator] = []
    try FrameWalk(frames: engine.core.frames).walk(
      roots,
      enter: { met throws(StoreError) in
        met.removeAll { !visited.insert($0.locator.name) }
        for ref in met {
          try take(ref.locator, ref.hash.low)
          if ref.locator.form.isDerived { derived.append(ref.locator) }
        }
      },
      // Listed as lost already; what lies below it only this node could tell.
      unreadable: { _, _ in })
    try takeBases(of: derived, visited, take)
    return found
  }

  /// The segment whose file has the frame; `nil` when that is not known.
  private func segment(of name: FrameName) throws(StoreError) -> SegmentID? {
    guard engine.core.retired.hosts(of: name.segment) != nil else { return name.segment }
    return try readable(engine.core.retired.find(name))?.segment
  }

  /// What the segments' whole directories name, and the notes among it, which no ref leads to.
  private func directories(of segments: Set<SegmentID>) throws(StoreError) -> (
    entries: [FrameName: BundleDirectoryEntry], notes: [Found]
  ) {
    var entries: [FrameName: BundleDirectoryEntry] = [:]
    var notes: [Found] = []
    let known = engine.core.keeper.read { kept in
      segments.compactMap { kept.catalogue.segments[$0] }
    }
    for segment in known {
      let file: SegmentHandle
      do throws(SegmentError) { file = try engine.core.segmentStore.open(segment.id) } catch {
        throw .opening(segment.id, error)
      }
      try BundleReader(file, segment).forEachFrame { frame throws(StoreError) in
        entries[frame.name] = frame.entry
        if try frame.isSoundNote(in: file) {
          notes.append(
            Found(locator: frame.locator, hashPrefix: 0, segment: segment.id, entry: frame.entry))
        }
      }
    }
    return (entries, notes)
  }

  /// Bases are named by what builds on them, without the hash of their content.
  private func takeBases(
    of derived: [Locator], _ visited: FrameSet,
    _ take: (Locator, UInt64) throws(StoreError) -> Void
  ) throws(StoreError) {
    let frames = engine.core.frames
    let taken = FrameSet()
    for locator in derived {
      // A derived frame that cannot be read needs no base.
      let base = try frames.codecs.withSet { set throws(StoreError) in
        try readable(frames.base(of: locator, set))
      }
      guard let base, !visited.contains(base.name), taken.insert(base.name) else { continue }
      if base.form.kind == .page {
        let page = try frames.codecs.withSet { set throws(StoreError) in
          try readable(frames.decodePage(base, set))
        }
        if let page { try take(base, frames.secret.pageHash(page.contents).low) }
      } else if let node = try readable(frames.baseNode(base)) {
        try take(base, node.header.id.low)
      }
    }
  }

  private func copy(_ frame: Found, to writer: HostWriter) throws(StoreError) {
    try engine.core.frames.codecs.withSet { set throws(StoreError) in
      let base =
        frame.locator.form.isDerived
        ? try readable(engine.core.frames.base(of: frame.locator, set).name) : FrameName.none
      // A frame without a base or without bytes was lost before.
      guard let base, let stored = try readable(engine.core.frames.storedBytes(frame.locator, set))
      else { return }
      try writer.copy(
        PendingFrame(
          stored: stored, form: frame.locator.form, hashPrefix: frame.hashPrefix,
          volume: frame.entry?.volume ?? .names, page: frame.entry?.page ?? PageNumber(0),
          base: base),
        name: frame.locator.name)
    }
  }

  private func record(_ victims: [SegmentID], _ moved: CollectionRun.Moved) throws(StoreError) {
    var records: [ControlRecord] = [.moved(victims: victims, hosts: [], ends: moved.ends)]
    for piece in GarbageCollector.pieces(moved.homes, of: 256) {
      records.append(.moved(victims: [], hosts: Array(piece), ends: []))
    }
    let lsn = try engine.core.keeper.change { kept throws(StoreError) in
      try kept.record(records.map { (BranchID(0), $0) })
    }
    try engine.core.journal.flush(through: lsn)
    engine.core.appenders.finishHosts(moved.ends.map(\.segment))
    engine.core.retired.update(engine.core.keeper.catalogue)
    try engine.checkpointer.write()
    try engine.collector.unlink(victims)
  }
}
