package import CoppiceErrors
package import CoppiceFormat
internal import CoppicePlatform

// A collection of wholly dead segments, by the one member that writes.
//
// 1. BEGIN: the head gets the next cycle.
// 2. BARRIER: so does every member's object. What lets go of an entry from here on says so in it.
// 3. ROOTS: every object forgets the tombstones that nothing keeps, by a change, so what it says is
//    no old state. What stays are the roots.
// 4. MARK: whose segments the roots reach. What cannot be read ends the cycle.
// 5. COMMIT: a table of what is dead is created, and the head names it, if the cycle is still this.
// 6. DELETE: what was committed is removed, and then struck off the lists.
//
// A push that is published after 3 builds on new segments and on what its intent held: on entries
// that were listed then, hence roots. Whoever stops before 5 has removed nothing; after it the next
// cycle finds the same segments dead.

/// What a collection starts from.
package struct CollectionRoots: Hashable, Sendable {
  /// All that is kept, tombstones too.
  package let entries: [PoolEntry]
  /// All that was published, of which some may be dead.
  package let published: [PoolPublishedRun]
}

/// What a collection did.
package struct CollectionResult: Hashable, Sendable {
  package let cycle: UInt64
  /// Segments that were removed.
  package let removed: [SegmentID]
}

extension PoolWriter {
  /// Forgets what was deleted, and removes segments that nothing reaches any more. Other calls wait
  /// until it ends.
  ///
  /// - Parameter mark: which segments the roots reach; what it throws ends the cycle, and nothing
  ///   is removed.
  ///
  /// Throws `conflict` when another collection began meanwhile.
  package func collect(
    mark: (CollectionRoots) throws(StoreError) -> Set<SegmentID>
  ) throws(StoreError) -> CollectionResult {
    try access.withLock { access throws(StoreError) in
      let cycle = try access.beginCycle()
      let roots = try access.takeRoots(in: cycle)
      let live = try mark(roots)
      let dead = roots.published.flatMap(\.run.ids).map { SegmentID($0) }
        .filter { !live.contains($0) }
      if !dead.isEmpty {
        try access.commit(dead, in: cycle)
        try access.remove(dead)
        try access.strikeOff(Set(dead))
      }
      return CollectionResult(cycle: cycle, removed: dead)
    }
  }
}

extension PoolAccess {
  fileprivate mutating func beginCycle() throws(StoreError) -> UInt64 {
    let number = notes.number
    let cycle = try changeHead { head in
      head.head.cycle += 1
      head.head.collector = number
      return head.head.cycle
    }
    try changeAllMembers { $0.cycle = max($0.cycle, cycle) }
    return cycle
  }

  fileprivate mutating func takeRoots(in cycle: UInt64) throws(StoreError) -> CollectionRoots {
    let now = now
    // Intents of members that have ended count too: nobody closed them.
    var supports: Set<PoolEntryName> = []
    try changeAllMembers { member in supports.formUnion(member.intents.flatMap(\.supports)) }
    var entries: [PoolEntry] = []
    var published: [PoolPublishedRun] = []
    try changeAllMembers { member in
      let number = member.number
      member.entries.removeAll { entry in
        entry.isForgettable(in: cycle, at: now)
          && !supports.contains(PoolEntryName(member: number, entry: entry.id))
      }
    } then: { member in
      entries += member.entries
      published += member.published
    }
    return CollectionRoots(entries: entries, published: published)
  }

  fileprivate mutating func commit(
    _ dead: [SegmentID], in cycle: UInt64
  ) throws(StoreError) {
    var kept: [RetiredSegment] = []
    let before = try head().retired
    if before > 0 {
      // Those without hosts are removed, or found dead once more.
      kept = try retiredTable(before).retired.filter { !$0.hosts.isEmpty }
    }
    let retired = kept + dead.map { RetiredSegment(id: $0, hosts: []) }
    var source = random
    try create(
      PoolRetiredTable(cycle: cycle, retired: retired.sorted { $0.id < $1.id })
        .seal(keys: opener.ring, using: &source), as: .retired(cycle: cycle))
    let number = notes.number
    try changeHead { head throws(StoreError) in
      guard head.head.cycle == cycle, head.head.collector == number else {
        throw StoreError(.conflict, "another collection of the pool began meanwhile")
      }
      head.head.retired = cycle
    }
  }

  fileprivate mutating func strikeOff(_ dead: Set<SegmentID>) throws(StoreError) {
    try changeAllMembers { member in
      member.published =
        member.published.flatMap { published in
          published.run.ids.filter { !dead.contains(SegmentID($0)) }.map { id in
            PoolPublishedRun(
              PoolSegmentRun(first: UInt32(id), count: 1), domain: published.domain,
              key: published.key)
          }
        }.joined
    }
  }

  private func retiredTable(_ cycle: UInt64) throws(StoreError) -> PoolRetiredTable {
    let bytes: [UInt8]
    do throws(ObjectStoreError) {
      bytes = try store.get(ObjectKey(known: PoolObjectName.retired(cycle: cycle).key), nil).bytes
    } catch {
      throw failure(error, "reading the table of retired segments")
    }
    return try PoolRetiredTable.open(bytes, of: cycle, keys: opener.ring)
  }

  /// Creates an object that never changes.
  private func create(_ bytes: [UInt8], as name: PoolObjectName) throws(StoreError) {
    let outcome: WriteOutcome
    do throws(ObjectStoreError) {
      outcome = try store.put(ObjectKey(known: name.key), bytes, .ifAbsent)
    } catch {
      throw failure(error, "writing to the pool")
    }
    switch outcome {
    case .done: return
    case .refused: throw StoreError(.conflict, "is there already", object: name.key)
    case .unknown(let cause):
      throw StoreError(
        .unavailable, "could not be written", object: name.key, cause: cause, reason: .unreachable)
    }
  }

  /// Changes the objects of all members, and shows what each is then.
  private mutating func changeAllMembers(
    _ plan: (inout PoolMember) -> Void, then look: (PoolMember) -> Void = { _ in }
  ) throws(StoreError) {
    for listing in try head().members {
      look(
        try changeMember(listing.number) { member in
          plan(&member)
          return member
        })
    }
  }
}
