internal import CoppiceFormat
internal import CoppicePlatform

extension CollectionRun {
  /// Empties and reclaims the victims in batches: what is copied is on disk twice until its victims
  /// are reclaimed.
  func empty(_ victims: [SegmentCensus]) throws(StoreError) {
    defer { core.room.restoreReserve() }
    // What needs no copies makes room for the rest.
    let whollyDead = victims.filter { !holdsLive($0) }
    if !whollyDead.isEmpty || !emptyHomes.isEmpty {
      try reclaim(whollyDead, try evacuate(whollyDead))
    }
    let done = Set(whollyDead.map(\.entry.id))
    var rest = victims.filter { !done.contains($0.entry.id) }
    while !rest.isEmpty {
      let batch = fitting(rest, into: batchByteCount, atLeast: 1)
      let moved: Moved
      let emptied: [SegmentCensus]
      do throws(StoreError) {
        moved = try evacuate(batch)
        emptied = batch
      } catch {
        guard error.kind == .full else { throw error }
        (emptied, moved) = try emptySome(of: rest, failing: error)
      }
      try reclaim(emptied, moved)
      let ids = Set(emptied.map(\.entry.id))
      rest.removeAll { ids.contains($0.entry.id) }
    }
  }

  private var batchByteCount: Int {
    let share = SegmentLimits.segmentByteCount(
      storedByteCount: core.keeper.storedByteCount)
    return min(options.batchByteCountMax, Int(share))
  }

  /// On a full disk: gives the reserve up, but for what the journal and a checkpoint need of it,
  /// and copies as much as fits into it. Every victim that fits makes room for a larger one. When
  /// none does, journal files that hold nothing are given up too.
  private func emptySome(of rest: [SegmentCensus], failing error: StoreError) throws(StoreError)
    -> ([SegmentCensus], Moved)
  {
    try core.room.withReserve(.copies) { () throws(StoreError) -> ([SegmentCensus], Moved) in
      var part = cheapest(of: rest)
      if part.isEmpty {
        // Files are free behind a checkpoint.
        try checkpointer.writeUnlessFull()
        do throws(SystemError) { try core.journal.giveBackFiles(keeping: 0) } catch {
          throw StoreError(error, while: "removing free journal files")
        }
        part = cheapest(of: rest)
      }
      guard !part.isEmpty else { throw lackOfRoom(rest, error) }
      return (part, try evacuate(part))
    }
  }

  /// The victims that take the fewest copies, as many as the disk has room for.
  private func cheapest(of rest: [SegmentCensus]) -> [SegmentCensus] {
    // Without an answer nothing is safe to try.
    let free = (try? core.disk.freeByteCount()) ?? 0
    let sorted = rest.sorted { $0.liveByteCount < $1.liveByteCount }
    return fitting(sorted, into: Int(clamping: free / 8 * 7), atLeast: 0)
  }

  private func lackOfRoom(_ rest: [SegmentCensus], _ error: StoreError) -> StoreError {
    let least = rest.map(\.liveByteCount).min() ?? 0
    return StoreError(
      .full, "\(error.message); to empty a segment, \(least) bytes have to be copied first",
      object: error.object,
      remedy: "make that much room on the disk, or delete more branches",
      cause: error.cause)
  }

  /// The first victims, as long as what is live in them is no more than that.
  private func fitting(_ victims: [SegmentCensus], into byteCount: Int, atLeast countMin: Int)
    -> [SegmentCensus]
  {
    var room = byteCount
    var part: [SegmentCensus] = []
    for victim in victims {
      // With room for a host's directories.
      room -= victim.liveByteCount + victim.liveByteCount / 16 + 1 << 12
      guard room >= 0 || part.count < countMin else { break }
      part.append(victim)
    }
    return part.sorted { $0.entry.id < $1.entry.id }
  }
}
