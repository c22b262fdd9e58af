internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

extension StoreCore {
  /// Where a frame lies on disk; `nil` when no published or written bundle holds it, or that
  /// cannot be told now, for whatever reason: only hints are looked up here.
  func place(of name: FrameName) -> SegmentDirectory.Place? {
    if let place = appenders.place(of: name) { return place }
    if let moved = try? retired.find(name) { return moved.place }
    guard let entry = keeper.read({ $0.catalogue.segments[name.segment] }),
      name.ordinal < entry.frameCount, let directory = try? segmentStore.directory(entry),
      directory.homes.isEmpty
    else { return nil }
    return directory.places[Int(name.ordinal)]
  }

  func domain(of segment: SegmentID) -> DomainID? {
    let known = keeper.read { kept in
      // The catalogue knows of a move before the table for readers does.
      let hosts = kept.catalogue.retired[segment]?.hosts ?? []
      return kept.catalogue.segments[segment]
        ?? hosts.first.flatMap { kept.catalogue.segments[$0] }
    }
    if let known { return known.domain }
    return appenders.all.first { $0.owns(segment) }?.domain
  }

  func checkDomain(of ref: Ref, is domain: DomainID) throws(StoreError) {
    guard ref.isHole || self.domain(of: ref.locator.name.segment) == domain else {
      throw StoreError(
        .invalid, "stored pages are not shared between trust domains",
        remedy: "copy the content instead")
    }
  }

  /// Notes what the store takes and the disk has, if the last note is old enough. Nothing is noted
  /// where the disk does not answer.
  func sampleSpace() {
    let time = clock.wallNanoseconds()
    guard hints.space.withLock({ $0.wantsSample(at: time) }),
      let free = try? disk.freeByteCount()
    else { return }
    let dead = hints.collection.withLock { $0.oldDeadByteCount + $0.youngDeadByteCount }
    let stored = keeper.storedByteCount
    hints.space.withLock {
      $0.add(
        SpaceHints.Sample(
          time: time, storedByteCount: stored, garbageByteCount: min(dead, stored),
          freeByteCount: free))
    }
  }

  /// Fills the dedup window from the newest segments' directories, newest first, until it has seen
  /// as many frames as it has places. Hints only: what cannot be read is passed over.
  ///
  /// Reads directories, no pages. Returns once done, or when `isWanted` says no.
  package func refillWindow(while isWanted: () -> Bool = { true }) {
    var room = window.capacity
    let entries = keeper.read { kept in kept.catalogue.segments.values.sorted { $0.id > $1.id } }
    for entry in entries {
      guard room > 0, isWanted() else { return }
      // A segment that cannot be read, for whatever reason, gives no hints.
      guard let directory = try? segmentStore.directory(entry) else { continue }
      for (ordinal, place) in directory.places.enumerated()
      where place.form.kind == .page && !place.form.isDerived {
        // A host's frames bear the names that they had at home.
        let name =
          directory.homes.isEmpty
          ? FrameName(segment: entry.id, ordinal: UInt32(ordinal)) : directory.homes[ordinal]
        window.offer(hashPrefix: place.hashPrefix, name)
      }
      room -= directory.places.count
    }
  }
}
