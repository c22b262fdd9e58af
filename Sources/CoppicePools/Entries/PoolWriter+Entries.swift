package import CoppiceErrors
package import CoppiceFormat
internal import CoppicePlatform

/// What becomes of entries after they were published. Each call is one change of the object that
/// lists the entry, and may be repeated.
///
/// All throw `notFound` with the reason `gone` for an entry that is not listed any more.
extension PoolWriter {
  package func entries() throws(StoreError) -> [ListedEntry] {
    try access.withLock { access throws(StoreError) in try access.entries() }
  }

  /// Makes entries tombstones, which collections forget after a day: all that one member lists, or
  /// none of them.
  ///
  /// Throws `inUse` for one that is pinned or held, `denied` for one that is locked.
  package func delete(_ names: [PoolEntryName]) throws(StoreError) {
    try change(names) { entry, member, now throws(StoreError) in
      if entry.flags.contains(.deleted) { return }
      if let obstacle = entry.obstacle(at: now) { throw obstacle }
      entry.flags.insert(.deleted)
      entry.deletedAt = now
      entry.lastCycle = member.cycle
    }
  }

  /// As above, of one.
  package func delete(_ name: PoolEntryName) throws(StoreError) { try delete([name]) }

  /// Brings a deleted entry back.
  ///
  /// Throws `conflict` when the branch has a newer state, or the snapshot's name was given again.
  package func undelete(_ name: PoolEntryName) throws(StoreError) {
    try change([name]) { entry, member, _ throws(StoreError) in
      guard entry.flags.contains(.deleted) else { return }
      let found = entry
      let isSnapshot = found.flags.contains(.snapshot)
      let isTaken =
        found.flags.contains(.superseded)
        || member.entries.contains {
          isSnapshot ? $0.isLive && $0.name.hasBytes(of: found.name) : $0.isState(of: found.branch)
        }
      guard !isTaken else {
        throw StoreError(
          .conflict, "there is a newer one of that name", object: found.name, reason: .exists)
      }
      entry.flags.remove(.deleted)
      entry.deletedAt = 0
    }
  }

  /// Keeps an entry from being deleted, for readers that register nowhere.
  package func hold(_ name: PoolEntryName) throws(StoreError) {
    try change([name]) { entry, _, _ throws(StoreError) in
      guard entry.isLive else {
        throw StoreError(
          .notFound, "is deleted", object: entry.name, remedy: "undelete it first", reason: .gone)
      }
      entry.flags.insert(.held)
      entry.releasedAt = 0
    }
  }

  /// Ends a hold in a day.
  package func release(_ name: PoolEntryName) throws(StoreError) {
    try change([name]) { entry, _, now throws(StoreError) in
      guard entry.flags.contains(.held), entry.releasedAt == 0 else { return }
      entry.releasedAt = now.addingSaturating(PoolEntry.noticeNanoseconds)
    }
  }

  /// Notes that all that these entries reach was read and verified just now.
  package func noteVerified(_ names: [PoolEntryName]) throws(StoreError) {
    try access.withLock { access throws(StoreError) in
      let now = access.now
      for (member, own) in Dictionary(grouping: names, by: \.member) {
        try access.changeMember(member) { member in
          for index in member.entries.indices
          where own.contains(where: { $0.entry == member.entries[index].id }) {
            member.entries[index].verifiedAt = now
          }
        }
      }
    }
  }

  /// Notes how a drill of an entry ended.
  package func noteDrill(_ name: PoolEntryName, _ drill: PoolDrill) throws(StoreError) {
    try change([name]) { entry, _, _ in entry.drill = drill }
  }

  private func change(
    _ names: [PoolEntryName],
    _ body: (inout PoolEntry, PoolMember, Int64) throws(StoreError) -> Void
  ) throws(StoreError) {
    try access.withLock { access throws(StoreError) in
      let now = access.now
      for (number, names) in Dictionary(grouping: names, by: \.member) {
        try access.changeMember(number) { member throws(StoreError) in
          for name in names {
            guard let index = member.entries.firstIndex(where: { $0.id == name.entry }) else {
              throw StoreError(
                .notFound, "the pool has no such entry any more", object: "\(name.entry.rawValue)",
                reason: .gone)
            }
            var entry = member.entries[index]
            try body(&entry, member, now)
            member.entries[index] = entry
          }
        }
      }
    }
  }
}

extension PoolAccess {
  /// Changes the object of a member: the own one, or that of one that has ended, whose incarnation
  /// and count of changes stay.
  mutating func changeMember<Result>(
    _ number: PoolMemberNumber, _ plan: (inout PoolMember) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    if number == notes.number {
      return try changeOwn { member, _ throws(StoreError) in try plan(&member) }
    }
    guard let listing = try head().members.first(where: { $0.number == number }) else {
      throw StoreError(.notFound, "the pool has no member \(number.rawValue)", reason: .gone)
    }
    let evicted = notes.evicted
    return try change(.member(listing.id)) {
      (found: PoolMember?, _) throws(StoreError) -> ChangePlan<PoolMember, Result> in
      // One that takes part has come after this one.
      guard var member = found, member.state == .ended else { throw evicted }
      let result = try plan(&member)
      return member == found ? .unchanged(result) : .write(member, result)
    }
  }
}
