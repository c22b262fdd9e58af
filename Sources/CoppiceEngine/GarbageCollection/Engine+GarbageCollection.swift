internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

// A collection, beside readers and writers:
//
//  begin     alone under the seal latch: close and publish the open segments, so that a frame was
//            born in the cycle if and only if its segment's id is at least `firstBorn`, and the
//            directories of all others can be read; forget deleted branches by a record; take all
//            roots.
//  mark      walk from the roots; then, from the directories, the bases of live derived pages.
//  select    alone under the latch again: from here on a hit by hash on a dead frame of a victim is
//            a miss.
//  evacuate  copy the victims' live frames verbatim into hosts, which keep the frames' names.
//  reclaim   sync the hosts, record `moved`, checkpoint, unlink the victims, record `unlinked`.
//  end       alone under the latch: who looked a frame up before `moved` has asked about it by then.
//
// A frame goes only when a whole mark, begun after the last moment at which it could be reached, left
// it unmarked: what is reachable later was reachable from a root at the beginning, was born since, or
// was found by hash, which marks it. Any error before `moved` is durable leaves everything as it was.

/// How a collection is to go about it.
package struct CollectionOptions: Sendable {
  /// Empty every closed segment that holds a dead frame, not only those that are worth it.
  package var isFull = false
  /// Only say what would be done. Deleted branches count as forgotten if they would be.
  package var isDryRun = false
  /// Forget all deleted branches, not only those past the restore window.
  package var forgetsAll = true
  /// Nanoseconds for which a deleted branch can surely be restored.
  package var restoreWindow: Int64 = 3600 * 1_000_000_000
  /// A segment is worth emptying from this share of dead bytes on.
  package var deadShareMin = 0.2
  /// Live bytes that one collection copies at most, unless it is full.
  package var copiedByteCountMax = 256 << 20

  package init() {}
}

/// What a collection found and did. Byte counts are of stored frames, without directories, unless
/// they say otherwise.
package struct CollectionReport: Hashable, Sendable {
  package var forgottenBranchCount = 0
  package var liveFrameCount = 0
  package var liveByteCount = 0
  package var deadFrameCount = 0
  package var deadByteCount = 0
  package var reclaimedSegmentCount = 0
  /// Bytes of the unlinked segment files.
  package var reclaimedByteCount = 0
  package var copiedByteCount = 0
  /// Dead bytes in segments that were not worth emptying, or that are still written to.
  package var leftByteCount = 0
  /// Nodes that could not be read; what they may refer to was kept.
  package var unreadable: [String] = []
}

extension Engine {
  /// Collects garbage. One collection runs at a time; readers, writers and seals go on.
  package func collectGarbage(_ options: CollectionOptions) throws(StoreError) -> CollectionReport {
    try checkWritable()
    return try collecting.withLock { () throws(StoreError) in
      defer { latch.withExclusive { cycle.end() } }
      var report = CollectionReport()
      let roots = try beginCollection(options, &report)
      let census = try mark(roots, &report)
      var victims = select(census.segments, options, &report)
      if options.isDryRun || victims.isEmpty { return report }
      let moved: Moved
      do throws(StoreError) {
        moved = try evacuate(victims, census.liveThrough, &report)
      } catch {
        // What needs no copies makes room for the rest.
        let whollyDead = victims.filter { !holdsLive($0) }
        guard error.kind == .full, !whollyDead.isEmpty else { throw error }
        victims = whollyDead
        moved = try evacuate(victims, census.liveThrough, &report)
      }
      count(victims, &report)
      try reclaim(victims, moved)
      return report
    }
  }

  // MARK: Begin

  private struct Roots {
    var refs: [Ref]
    var firstBorn: SegmentID
  }

  private func beginCollection(_ options: CollectionOptions, _ report: inout CollectionReport)
    throws(StoreError) -> Roots
  {
    let (roots, lsn) = try latch.withExclusive { () throws(StoreError) in
      appenders.closeAll()
      // The bases of live derived frames are found in directories: none may be left out.
      try publishAppended()
      let firstBorn = appenders.nextSegmentID
      cycle.begin(firstBorn: firstBorn)
      return try control.withLock { () throws(StoreError) -> (Roots, LSN) in
        let forgotten = forgettable(options)
        report.forgottenBranchCount = forgotten.count
        var lsn = LSN.zero
        if !options.isDryRun, !forgotten.isEmpty {
          lsn = try record(
            Self.pieces(forgotten, of: 1024).map { (BranchID(0), .forget(Array($0))) })
          for id in forgotten { branches[id] = nil }
        }
        let kept = branches.filter { !forgotten.contains($0.key) }
        return (Roots(refs: rootRefs(of: kept), firstBorn: firstBorn), lsn)
      }
    }
    try journal.flush(through: lsn)
    return roots
  }

  private func forgettable(_ options: CollectionOptions) -> [BranchID] {
    let limit = clock.wallNanoseconds() - options.restoreWindow
    return catalogue.branches.values
      .filter {
        $0.flags.contains(.deleted) && (options.forgetsAll || $0.deletedAt <= limit)
      }
      .map(\.id).sorted()
  }

  private func rootRefs(of kept: [BranchID: EngineBranch]) -> [Ref] {
    var refs = catalogue.branches.values.filter { kept[$0.id] != nil }.map(\.root)
    var layers: [ObjectIdentifier: Layer] = [:]
    func take(_ state: SealedState) {
      refs.append(state.root.root)
      for layer in state.frozen.layers { layers[ObjectIdentifier(layer)] = layer }
    }
    for branch in kept.values {
      branch.state.withLock { state in
        take(state.sealed)
        refs += state.open.storedRefs
      }
    }
    for state in pins.all { take(state) }
    for layer in layers.values { refs += layer.storedRefs }
    for staging in stagings.all { refs += staging.storedRefs }
    return refs
  }

  // MARK: Mark

  private struct Census {
    var segments: [SegmentCensus]
    /// By domain: frames up to this name count as live.
    var liveThrough: [DomainID: FrameName]
  }

  private func mark(_ roots: Roots, _ report: inout CollectionReport) throws(StoreError) -> Census {
    var walk = MarkWalk(
      frames: frames, cycle: cycle, domain: { [self] in domain(of: $0) })
    for ref in roots.refs { walk.visit(ref) }
    report.unreadable = walk.unreadable.map {
      "frame \($0.segment.rawValue)/\($0.ordinal)"
    }
    let (entries, retired) = control.withLock { (catalogue.segments, catalogue.retired) }
    let candidates = entries.values
      .filter { $0.id < roots.firstBorn }
      .sorted { $0.id < $1.id }
    // Bases first: a base may lie in any segment before the pages that build on it.
    let reached = cycle.live
    for entry in candidates {
      let limit = walk.liveThrough[entry.domain] ?? .none
      try forEachFrame(entry, retired) { name, frame, _ in
        guard frame.base != .none, name <= limit || reached.contains(name) else { return }
        _ = cycle.mark(frame.base)
      }
    }
    let live = cycle.live
    var census: [SegmentCensus] = []
    for entry in candidates {
      var segment = SegmentCensus(entry: entry)
      let limit = walk.liveThrough[entry.domain] ?? .none
      try forEachFrame(entry, retired) { name, frame, isPlaced in
        segment.homes.insert(name.segment)
        if isPlaced, name <= limit || live.contains(name) {
          segment.liveFrameCount += 1
          segment.liveByteCount += frame.storedByteCount
        } else {
          segment.deadFrameCount += 1
          segment.deadByteCount += frame.storedByteCount
        }
      }
      census.append(segment)
    }
    return Census(segments: census, liveThrough: walk.liveThrough)
  }

  /// Visits a segment's frames with their names. A copy in a host that the retired table does not
  /// name for it, left by a collection that failed, is not placed.
  private func forEachFrame(
    _ entry: SegmentEntry, _ retired: [SegmentID: RetiredSegment],
    _ visit: (FrameName, BundleDirectoryEntry, _ isPlaced: Bool) -> Void
  ) throws(StoreError) {
    if entry.frameCount == 0 { return }
    try checkOpen()
    let file: any DiskFile
    do throws(SystemError) { file = try files.file(entry.id) } catch {
      throw StoreError(error, while: "reading a segment's directories")
    }
    try SegmentDirectory.forEachBundle(entry, file) { bundle throws(StoreError) in
      for (index, frame) in bundle.directory.entries.enumerated() {
        if bundle.header.hasHomeNames {
          let isPlaced = retired[frame.home.segment]?.hosts.contains(entry.id) ?? false
          visit(frame.home, frame, isPlaced)
        } else {
          let ordinal = bundle.header.firstOrdinal + UInt32(index)
          visit(FrameName(segment: entry.id, ordinal: ordinal), frame, true)
        }
      }
    }
  }

  // MARK: Select

  private func select(
    _ census: [SegmentCensus], _ options: CollectionOptions, _ report: inout CollectionReport
  ) -> [SegmentCensus] {
    for segment in census {
      report.liveFrameCount += segment.liveFrameCount
      report.liveByteCount += segment.liveByteCount
      report.deadFrameCount += segment.deadFrameCount
      report.deadByteCount += segment.deadByteCount
    }
    return latch.withExclusive {
      let victims = VictimSelection(
        isFull: options.isFull, deadShareMin: options.deadShareMin,
        copiedByteCountMax: options.copiedByteCountMax
      ).victims(census)
      cycle.choose(victimHomes: Set(victims.flatMap(\.homes)))
      count(victims, &report)
      return victims
    }
  }

  private func count(_ victims: [SegmentCensus], _ report: inout CollectionReport) {
    report.reclaimedSegmentCount = victims.count
    report.reclaimedByteCount = victims.reduce(0) { $0 + Int($1.entry.byteCount) }
    report.leftByteCount = report.deadByteCount - victims.reduce(0) { $0 + $1.deadByteCount }
  }

  // MARK: Evacuate

  private struct Moved {
    var homes: [RetiredSegment]
    var ends: [SegmentEnd]
  }

  private func evacuate(
    _ victims: [SegmentCensus], _ liveThrough: [DomainID: FrameName],
    _ report: inout CollectionReport
  ) throws(StoreError) -> Moved {
    var writers: [DomainID: HostWriter] = [:]
    do throws(StoreError) {
      let retired = control.withLock { catalogue.retired }
      for victim in victims where holdsLive(victim) {
        let writer = writers[victim.entry.domain] ?? HostWriter(self, domain: victim.entry.domain)
        writers[victim.entry.domain] = writer
        try copyLive(
          victim, retired, liveThrough[victim.entry.domain] ?? .none, to: writer)
      }
      for writer in writers.values { try writer.finish() }
    } catch {
      // The next publish names the hosts that were begun, empty, so that opening knows their files.
      let ids = writers.values.flatMap(\.ids)
      if (try? publishAppended()) != nil { appenders.finishHosts(ids) }
      throw error
    }
    report.copiedByteCount = writers.values.reduce(0) { $0 + $1.copiedByteCount }
    return Moved(
      homes: newHomes(victims, writers.values.map(\.hosts)),
      ends: writers.values.flatMap(\.ends))
  }

  /// What seemed dead when it was counted may have been found by hash before the victims were
  /// chosen.
  private func holdsLive(_ victim: SegmentCensus) -> Bool {
    if victim.liveFrameCount > 0 { return true }
    let live = cycle.live
    return victim.homes.contains { live.hasFrames(of: $0) }
  }

  private func copyLive(
    _ victim: SegmentCensus, _ retired: [SegmentID: RetiredSegment], _ liveThrough: FrameName,
    to writer: HostWriter
  ) throws(StoreError) {
    try checkOpen()
    let file: any DiskFile
    do throws(SystemError) { file = try files.file(victim.entry.id) } catch {
      throw StoreError(error, while: "reading a segment")
    }
    let live = cycle.live
    let buffer = AlignedBuffer(byteCountMin: 1 << 20)
    try SegmentDirectory.forEachBundle(victim.entry, file) { bundle throws(StoreError) in
      buffer.removeAll()
      buffer.extend(Int(bundle.header.framesByteCount))
      do throws(SystemError) {
        _ = try file.read(
          into: buffer.mutableContents, at: bundle.offset + UInt64(BundleHeader.byteCount))
      } catch {
        throw StoreError(error, while: "reading live frames")
      }
      var offset = 0
      for (index, frame) in bundle.directory.entries.enumerated() {
        let name =
          bundle.header.hasHomeNames
          ? frame.home
          : FrameName(
            segment: victim.entry.id, ordinal: bundle.header.firstOrdinal + UInt32(index))
        let isPlaced =
          !bundle.header.hasHomeNames
          || retired[name.segment]?.hosts.contains(victim.entry.id) ?? false
        if isPlaced, live.contains(name) || name <= liveThrough {
          try writer.copy(
            PendingFrame(
              stored: UnsafeRawBufferPointer(
                rebasing: buffer.contents[offset..<offset + frame.storedByteCount]),
              form: frame.form, hashPrefix: frame.hashPrefix, volume: frame.volume,
              page: frame.page, base: frame.base), name: name)
        }
        offset += frame.storedByteCount
      }
    }
  }

  /// For every home with frames in a victim: the hosts that have its live frames now.
  private func newHomes(_ victims: [SegmentCensus], _ hosts: [[SegmentID: Set<SegmentID>]])
    -> [RetiredSegment]
  {
    let gone = Set(victims.map(\.entry.id))
    let retired = control.withLock { catalogue.retired }
    var homes = gone
    for (home, entry) in retired where entry.hosts.contains(where: gone.contains) {
      homes.insert(home)
    }
    return homes.sorted().compactMap { home in
      var list = Set(retired[home]?.hosts ?? []).subtracting(gone)
      for table in hosts { list.formUnion(table[home] ?? []) }
      if list.isEmpty, retired[home] == nil { return nil }
      return RetiredSegment(id: home, hosts: list.sorted())
    }
  }

  private static func pieces<Element>(_ all: [Element], of count: Int) -> [ArraySlice<Element>] {
    stride(from: 0, to: all.count, by: count).map { all[$0..<min($0 + count, all.count)] }
  }

  // MARK: Reclaim

  private func reclaim(_ victims: [SegmentCensus], _ moved: Moved) throws(StoreError) {
    let ids = victims.map(\.entry.id)
    // In pieces that fit into journal records; replay applies all or none.
    var records: [ControlRecord] = [.moved(victims: [], hosts: [], ends: moved.ends)]
    for piece in Self.pieces(ids, of: 1024) {
      records.append(.moved(victims: Array(piece), hosts: [], ends: []))
    }
    for piece in Self.pieces(moved.homes, of: 256) {
      records.append(.moved(victims: [], hosts: Array(piece), ends: []))
    }
    let lsn = try control.withLock { () throws(StoreError) in
      try record(records.map { (BranchID(0), $0) })
    }
    try journal.flush(through: lsn)
    appenders.finishHosts(moved.ends.map(\.segment))
    retired.update(control.withLock { catalogue })
    let live = cycle.live
    let homes = Set(victims.flatMap(\.homes))
    window.remove { homes.contains($0.segment) && !live.contains($0) }
    // Not needed: replay of what is synced comes to the same catalogue.
    try checkpointUnlessFull()
    try unlink(control.withLock { catalogue.reclaimed.keys.sorted() })
  }

  /// Unlinks reclaimed segments, those of an earlier run too, and forgets them.
  func unlink(_ ids: [SegmentID]) throws(StoreError) {
    guard !ids.isEmpty else { return }
    do throws(SystemError) {
      for id in ids {
        files.close(id)
        directories.remove(id)
        do throws(SystemError) { try disk.remove(SegmentFiles.path(id)) } catch {
          if !error.isMissing { throw error }
        }
      }
      try disk.syncDirectory(SegmentFiles.directory)
    } catch {
      throw StoreError(error, while: "unlinking reclaimed segments")
    }
    let lsn = try control.withLock { () throws(StoreError) in
      try record(Self.pieces(ids, of: 1024).map { (BranchID(0), .unlinked(Array($0))) })
    }
    try journal.flush(through: lsn)
  }
}

extension Layer {
  /// Frames that the layer's volumes refer to.
  var storedRefs: [Ref] {
    var refs: [Ref] = []
    volumes.forEach { _, part in
      if let adopted = part.adopted { refs.append(adopted) }
      part.pages.forEach { _, page in
        if case .shared(let ref) = page { refs.append(ref) }
      }
    }
    return refs
  }
}
