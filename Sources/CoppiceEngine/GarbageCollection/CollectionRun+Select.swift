internal import CoppiceFormat
internal import CoppicePlatform

extension CollectionRun {
  /// Counts live and dead frames by segment.
  func count() throws(StoreError) {
    let retired = core.keeper.catalogue.retired
    for entry in candidates {
      var segment = SegmentCensus(entry: entry)
      try forEachBundle(entry, retired) { bundle in
        core.cycle.withLive { live in
          for index in bundle.frames.indices {
            segment.homes.insert(bundle.names[index].segment)
            let isLive =
              bundle.isPlaced[index] && live.keeps(bundle.names[index], entry.domain)
            segment.add(bundle.frames[index], isLive: isLive)
          }
        }
      }
      census.append(segment)
      report.liveFrameCount += segment.liveFrameCount
      report.liveByteCount += segment.liveByteCount
      report.deadFrameCount += segment.deadFrameCount
      report.deadByteCount += segment.deadByteCount
    }
  }

  /// Chooses the segments to be emptied. From here on hits by hash on what is dead in them are
  /// misses.
  func select() -> [SegmentCensus] {
    core.latch.withExclusive {
      let victims = VictimSelection(
        isFull: options.isFull, deadShareMin: options.deadShareMin,
        copiedByteCountMax: options.copiedByteCountMax,
        due: Set(departures.flatMap { $0.deadByteCounts.keys })
      ).victims(census)
      if !options.isYoung { emptyHomes = homesWithoutLiveFrames() }
      core.cycle.choose(victimHomes: Set(victims.flatMap(\.homes)).union(emptyHomes))
      note(victims)
      report.forgottenSegmentCount = emptyHomes.count
      return victims
    }
  }

  /// Retired ids that can be forgotten, once no hit by hash can bring one of their frames back.
  private func homesWithoutLiveFrames() -> Set<SegmentID> {
    let (retired, entries) = core.keeper.read { ($0.catalogue.retired, $0.catalogue.segments) }
    return core.cycle.withLive { live in
      var homes: Set<SegmentID> = []
      for home in retired.values {
        let domains = Set(home.hosts.compactMap { entries[$0]?.domain })
        if !domains.contains(where: { live.keepsAny(of: home.id, $0) }) { homes.insert(home.id) }
      }
      return homes
    }
  }

  /// Says in the report what becomes of the victims.
  private func note(_ victims: [SegmentCensus]) {
    report.victims = victims.map(\.entry.id)
    report.reclaimedSegmentCount = victims.count
    report.reclaimedByteCount = victims.reduce(0) { $0 + Int($1.entry.byteCount) }
    report.leftByteCount = report.deadByteCount - victims.reduce(0) { $0 + $1.deadByteCount }
    if options.isDryRun { report.copiedByteCount = victims.reduce(0) { $0 + $1.liveByteCount } }
  }

  /// What seemed dead when it was counted may have been found by hash before the victims were
  /// chosen.
  func holdsLive(_ victim: SegmentCensus) -> Bool {
    if victim.liveFrameCount + victim.liveNoteCount > 0 { return true }
    return core.cycle.withLive { live in
      victim.homes.contains { live.keepsAny(of: $0, victim.entry.domain) }
    }
  }
}
