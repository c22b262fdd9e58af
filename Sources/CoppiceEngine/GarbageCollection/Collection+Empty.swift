internal import CoppiceFormat
internal import CoppicePlatform

extension Collection {
  /// Empties and reclaims the victims in batches: what is copied is on disk twice until its victims
  /// are reclaimed.
  func empty(_ victims: [SegmentCensus]) throws(StoreError) {
    // What needs no copies makes room for the rest.
    let whollyDead = victims.filter { !holdsLive($0) }
    if !whollyDead.isEmpty || !emptyHomes.isEmpty {
      try reclaim(whollyDead, try evacuate(whollyDead))
    }
    let done = Set(whollyDead.map(\.entry.id))
    var rest = victims.filter { !done.contains($0.entry.id) }
    while !rest.isEmpty {
      let batch = fitting(rest, into: options.batchByteCountMax, atLeast: 1)
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

  /// On a full disk: gives the reserve up, and copies as much as fits into it.
  private func emptySome(of rest: [SegmentCensus], failing error: StoreError) throws(StoreError)
    -> ([SegmentCensus], Moved)
  {
    _ = engine.reserve.release()
    // Without an answer nothing is safe to try.
    let free = (try? engine.disk.freeByteCount()) ?? 0
    let cheapest = rest.sorted { $0.liveByteCount < $1.liveByteCount }
    let part = fitting(cheapest, into: Int(clamping: free / 8 * 7), atLeast: 0)
    guard !part.isEmpty else { throw error }
    return (part, try evacuate(part))
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
