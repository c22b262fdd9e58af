internal import CoppiceFormat
internal import CoppicePlatform

extension CollectionRun {
  /// Makes the copies count and the victims go. A crash anywhere in here leaves either all of the
  /// record or nothing; what is left to unlink then, opening unlinks.
  func reclaim(_ victims: [SegmentCensus], _ moved: Moved) throws(StoreError) {
    announce(.copied)
    let ids = victims.map(\.entry.id)
    // In pieces that fit into journal records; replay applies all or none.
    var records: [ControlRecord] = [.moved(victims: [], hosts: [], ends: moved.ends)]
    for piece in GarbageCollector.pieces(ids, of: 1024) {
      records.append(.moved(victims: Array(piece), hosts: [], ends: []))
    }
    for piece in GarbageCollector.pieces(moved.homes, of: 256) {
      records.append(.moved(victims: [], hosts: Array(piece), ends: []))
    }
    let lsn = try core.keeper.change { kept throws(StoreError) in
      try kept.record(records.map { (BranchID(0), $0) })
    }
    try core.journal.flush(through: lsn)
    for departure in departures { departure.noteReclaimed(ids) }
    core.appenders.finishHosts(moved.ends.map(\.segment))
    core.retired.update(core.keeper.catalogue)
    forgetHints(victims)
    announce(.moved)
    // Not needed: replay of what is synced comes to the same catalogue.
    try checkpointer.writeUnlessFull()
    announce(.checkpointed)
    try collector.unlink(core.keeper.catalogue.reclaimed.keys.sorted())
    announce(.unlinked)
    core.room.restoreReserve()
  }

  /// Nothing may be found by hash that is gone.
  private func forgetHints(_ victims: [SegmentCensus]) {
    let homes = Set(victims.flatMap(\.homes)).union(emptyHomes)
    core.cycle.withLive { live in
      core.window.remove {
        homes.contains($0.segment) && $0.segment >= youngFrom && !live.isMarked($0)
      }
    }
  }
}
