internal import CoppiceFormat
internal import CoppicePlatform

extension CollectionRun {
  /// What evacuation leaves to be recorded.
  struct Moved {
    /// For every home with frames in a victim: the hosts that have its live frames now.
    var homes: [RetiredSegment] = []
    var ends: [SegmentEnd] = []
  }

  /// Copies what is live in the victims.
  func evacuate(_ victims: [SegmentCensus]) throws(StoreError) -> Moved {
    var writers: [DomainID: HostWriter] = [:]
    do throws(StoreError) {
      let retired = core.keeper.catalogue.retired
      for victim in victims where holdsLive(victim) {
        let domain = victim.entry.domain
        let writer = writers[domain] ?? HostWriter(core, domain: domain)
        writers[domain] = writer
        try copyLive(victim, retired, to: writer)
      }
      for writer in writers.values { try writer.finish() }
    } catch {
      for writer in writers.values { writer.abandon() }
      // The next publish names the hosts that were begun, empty, so that opening knows their files.
      let ids = writers.values.flatMap(\.ids)
      if (try? sealer.publishAppended()) != nil { core.appenders.finishHosts(ids) }
      throw error
    }
    report.copiedByteCount += writers.values.reduce(0) { $0 + $1.copiedByteCount }
    let ends = writers.values.flatMap(\.ends)
    report.hostByteCount += ends.reduce(0) { $0 + Int($1.byteCount) }
    return Moved(homes: newHomes(victims, writers.values.map(\.hosts)), ends: ends)
  }

  private func copyLive(
    _ victim: SegmentCensus, _ retired: [SegmentID: RetiredSegment], to writer: HostWriter
  ) throws(StoreError) {
    let buffer = AlignedBuffer(byteCountMin: 1 << 20)
    try forEachBundle(victim.entry, retired) { bundle throws(StoreError) in
      let isLive = core.cycle.withLive { live in
        bundle.frames.indices.map {
          bundle.isPlaced[$0] && live.keeps(bundle.names[$0], victim.entry.domain)
        }
      }
      if !isLive.contains(true) { return }
      try readFrames(bundle, into: buffer)
      let offsets = bundle.bundle.frameOffsets
      for (index, frame) in bundle.frames.enumerated() where isLive[index] {
        let start = Int(offsets[index]) - Int(bundle.bundle.framesOffset)
        try writer.copy(
          PendingFrame(
            stored: UnsafeRawBufferPointer(
              rebasing: buffer.contents[start..<start + frame.storedByteCount]),
            form: frame.form, hashPrefix: frame.hashPrefix, volume: frame.volume,
            page: frame.page, base: frame.base),
          name: bundle.names[index])
      }
      try pace.spend(Int(bundle.bundle.header.framesByteCount))
      announce(.copying)
    }
  }

  private func readFrames(_ bundle: LookedAtBundle, into buffer: AlignedBuffer) throws(StoreError) {
    let byteCount = Int(bundle.bundle.header.framesByteCount)
    buffer.removeAll()
    buffer.extend(byteCount)
    let count: Int
    do throws(SegmentError) {
      count = try bundle.file.read(
        into: buffer.mutableContents, at: bundle.bundle.framesOffset, .wait)
    } catch {
      throw StoreError(error, while: "reading live frames")
    }
    guard count == byteCount else {
      throw StoreError(
        .corrupt, "a segment ends inside a bundle",
        object: SegmentStore.path(bundle.bundle.header.segment),
        remedy: .damagedStructure)
    }
  }

  private func newHomes(_ victims: [SegmentCensus], _ hosts: [[SegmentID: Set<SegmentID>]])
    -> [RetiredSegment]
  {
    let gone = Set(victims.map(\.entry.id))
    let retired = core.keeper.catalogue.retired
    var homes = gone.union(emptyHomes)
    for (home, entry) in retired where entry.hosts.contains(where: gone.contains) {
      homes.insert(home)
    }
    return homes.sorted().compactMap { home in
      var list = Set(retired[home]?.hosts ?? []).subtracting(gone)
      for table in hosts { list.formUnion(table[home] ?? []) }
      if emptyHomes.contains(home) { list = [] }
      if list.isEmpty, retired[home] == nil { return nil }
      return RetiredSegment(id: home, hosts: list.sorted())
    }
  }
}
