internal import CoppiceErrors
internal import CoppiceFormat

// A store becomes the pool's one writing member by steps, each of which may be repeated:
//
// 1. The head lists it as joining, with the greatest number so far. While others take part it lists
//    only who takes over from them.
// 2. The objects of all with smaller numbers are ended, or made as ended: from there on none of
//    them publishes.
// 3. The store's own object is made, or gets the incarnation of this process.
// 4. The head lists those as ended and this one as joined.
//
// At any time at most one object is not ended: 3 comes after 2, and who was listed later ends this
// one. Whoever stops in between has ended others at most.

extension PoolAccess {
  /// Makes this store the pool's writing member, in this process.
  ///
  /// - Parameters:
  ///   - label: what people call the store.
  ///   - isTaking: whether it may take over from another member.
  ///
  /// Throws `conflict` while another member takes part, and what `changeOwn` and `changeHead` do.
  mutating func enter(label: String, isTaking: Bool) throws(StoreError) {
    try Self.checkLabel(label)
    let head = try register(label: label, isTaking: isTaking)
    guard let own = head.listing(of: notes.member) else { throw notes.evicted }
    try file.update { $0.join(as: own.number) }
    for other in head.members where other.state != .ended && other.number < own.number {
      try end(other, cycle: head.cycle)
    }
    try beginIncarnation(own, cycle: head.cycle)
    let notes = notes
    try changeHead { head throws(StoreError) in
      for index in head.head.members.indices {
        if head.head.members[index].number < own.number {
          head.head.members[index].state = .ended
        } else if head.head.members[index].number == own.number {
          head.head.members[index].state = .joined
        } else if head.head.members[index].state != .ended {
          throw notes.evicted
        }
      }
    }
  }

  /// Forgets which member this store was: it enters as a new one then, and may end that one.
  mutating func restart() throws(StoreError) {
    let member = PoolMemberID(low: random.next(), high: random.next())
    try file.update { $0.restart(as: member) }
  }

  /// Lists this store in the head.
  private mutating func register(
    label: String, isTaking: Bool
  ) throws(StoreError) -> PoolHead {
    let notes = notes
    return try changeHead { found throws(StoreError) in
      guard found.head.listing(of: notes.member) == nil else { return found.head }
      for other in found.head.members where other.state != .ended && other.id != notes.former {
        guard isTaking else { throw Self.taken(by: other) }
      }
      let last = found.head.members.last?.number ?? .none
      guard last.rawValue < .max else {
        throw StoreError(.full, "the pool has had as many members as it can")
      }
      found.head.members.append(
        PoolMemberListing(
          number: PoolMemberNumber(last.rawValue + 1), state: .joining, id: notes.member,
          label: label))
      return found.head
    }
  }

  private mutating func end(_ other: PoolMemberListing, cycle: UInt64) throws(StoreError) {
    let nonce = random.nonce()
    try change(.member(other.id)) {
      (found: PoolMember?, _) throws(StoreError) -> ChangePlan<PoolMember, Void> in
      if found?.state == .ended { return .unchanged(()) }
      var member: PoolMember
      if let found {
        member = found
      } else {
        member = PoolMember(
          revision: PoolRevision(nonce: nonce), id: other.id, number: other.number)
        member.cycle = cycle
      }
      member.state = .ended
      return .write(member, ())
    }
  }

  /// Gives the own object the incarnation of this process: from there on no change of an earlier
  /// one lands any more.
  private mutating func beginIncarnation(
    _ own: PoolMemberListing, cycle: UInt64
  ) throws(StoreError) {
    let (notes, random, now) = (notes, random, now)
    try change(.member(own.id)) {
      (found: PoolMember?, _) throws(StoreError) -> ChangePlan<PoolMember, Void> in
      var member: PoolMember
      if let found {
        try notes.check(found)
        member = found
      } else {
        // One that joined had made its object: it must be there.
        guard own.state == .joining else { throw notes.lostObject }
        member = PoolMember(
          revision: PoolRevision(nonce: random.nonce()), id: own.id, number: own.number)
        member.cycle = cycle
      }
      member.incarnation = random.next()
      member.changeCount += 1
      member.lastContact = now
      return .write(member, ())
    }
  }

  static func checkLabel(_ label: String) throws(StoreError) {
    guard label.utf8.count <= PoolMemberListing.labelByteCountMax else {
      throw StoreError(.invalid, "the name of a member is too long", object: label)
    }
  }

  private static func taken(by other: PoolMemberListing) -> StoreError {
    StoreError(
      .conflict, "the store \(other.label) writes to the pool",
      remedy: "\(step: .takePool), if the other one is to write no more")
  }
}
