package import CoppiceErrors
package import CoppiceFormat

/// An entry of a pool, and who lists it.
package struct ListedEntry: Hashable, Sendable {
  package let name: PoolEntryName
  package let entry: PoolEntry

  package init(name: PoolEntryName, entry: PoolEntry) {
    self.name = name
    self.entry = entry
  }
}

extension PoolAccess {
  /// All entries of all members, tombstones too: what each member's object lists, as new as this
  /// store has seen it at least. Of a branch that was taken over the greatest epoch holds.
  package mutating func entries() throws(StoreError) -> [ListedEntry] {
    try entries(of: try head())
  }

  /// As above, with the head that was just read.
  package mutating func entries(of head: PoolHead) throws(StoreError) -> [ListedEntry] {
    var listed: [ListedEntry] = []
    for listing in head.members {
      guard let member = try read(.member(listing.id), as: PoolMember.self) else {
        // One that is joining has not made its object yet.
        if listing.state != .joined { continue }
        throw StoreError(
          .unavailable, "the member's object is not there",
          object: PoolObjectName.member(listing.id).key, remedy: "check the pool")
      }
      listed += member.entries.map {
        ListedEntry(
          name: PoolEntryName(member: listing.number, entry: $0.id), entry: $0)
      }
    }
    return listed
  }

  /// What members say is of the pool: their segments; those of one are left out.
  mutating func published(
    of head: PoolHead, besides left: PoolMemberNumber? = nil
  ) throws(StoreError) -> [PoolPublishedRun] {
    var runs: [PoolPublishedRun] = []
    for listing in head.members where listing.number != left {
      runs += try read(.member(listing.id), as: PoolMember.self)?.published ?? []
    }
    return runs
  }
}

extension PoolEntry {
  /// How long a deleted entry stays, to be undeleted: a day.
  static let restoreNanoseconds: Int64 = 86_400_000_000_000
  /// How long readers are told before a hold that was released ends: a day.
  static let noticeNanoseconds: Int64 = 86_400_000_000_000

  /// Whether a hold keeps it, at that time.
  package func isHeld(at time: Int64) -> Bool {
    flags.contains(.held) && (releasedAt == 0 || time < releasedAt)
  }

  /// Why nobody may delete the entry now; `nil` if they may.
  package func obstacle(at time: Int64) -> StoreError? {
    if !pins.isEmpty {
      return StoreError(.inUse, "a store uses it", object: name, remedy: "end that use")
    }
    if isHeld(at: time) {
      return StoreError(.inUse, "is held", object: name, remedy: "release it and wait a day")
    }
    if time < lockedUntil {
      return StoreError(
        .denied, "is locked", object: name, remedy: "wait until its lock ends", reason: .protected)
    }
    return nil
  }

  /// Whether a collection may forget it: it is a tombstone that nothing keeps. A superseded state
  /// has no restore window.
  func isForgettable(in collection: UInt64, at time: Int64) -> Bool {
    guard !isLive, !flags.contains(.moved), lastCycle < collection, obstacle(at: time) == nil else {
      return false
    }
    return !flags.contains(.deleted) || time >= restoreEnd
  }

  /// Until when a deleted one can be brought back.
  package var restoreEnd: Int64 { deletedAt.addingSaturating(Self.restoreNanoseconds) }
}

extension Int64 {
  func addingSaturating(_ other: Int64) -> Int64 {
    let (sum, isOver) = addingReportingOverflow(other)
    return isOver ? (other < 0 ? .min : .max) : sum
  }
}
