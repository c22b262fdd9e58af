internal import CoppiceErrors
internal import CoppiceFormat

extension PoolAccess {
  /// Whether every change that this store ever sent has an outcome. Until then nothing that is read
  /// of the head or the own object can be relied on: an earlier change may still land.
  package var isSettled: Bool {
    notes[.head].unresolved == nil && notes[.member(notes.member)].unresolved == nil
  }

  /// Sees to it that no earlier change lands any more.
  mutating func settle() throws(StoreError) {
    // What makes no difference is written where something is unresolved.
    if notes[.head].unresolved != nil { try changeHead { _ in } }
    if notes[.member(notes.member)].unresolved != nil { try changeOwn { _, _ in } }
  }

  /// Changes the store's own object; what makes no difference is not written.
  ///
  /// Throws `conflict`, with the reason `evicted` when another member has taken over, `copied` when
  /// a copy of this store acts as the same member, or this directory is an old one.
  mutating func changeOwn<Result>(
    _ plan: (inout PoolMember, PoolAttempt) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    let (notes, now) = (notes, now)
    return try change(.member(notes.member)) {
      (found: PoolMember?, attempt) throws(StoreError) -> ChangePlan<PoolMember, Result> in
      guard let found else { throw notes.lostObject }
      try notes.check(found)
      var member = found
      let result = try plan(&member, attempt)
      if member == found { return .unchanged(result) }
      member.changeCount += 1
      member.lastContact = now
      return .write(member, result)
    }
  }

  /// Changes the head for a member that takes part; what makes no difference is not written.
  ///
  /// Throws `denied` for a copy of a pool, and for a pool that only a newer version may write to;
  /// `conflict` with the reason `evicted`.
  mutating func changeHead<Result>(
    _ plan: (inout HeadObject) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    let (notes, otherPlace, place) = (notes, otherPlace, site.place)
    return try change(.head) {
      (found: HeadObject?, _) throws(StoreError) -> ChangePlan<HeadObject, Result> in
      guard let found else { throw StoreError(.notFound, "there is no pool", object: place) }
      guard found.isWritable else { throw PoolAccess.newerVersion(.head) }
      guard found.head.place == place else { throw otherPlace }
      if found.head.listing(of: notes.member)?.state == .ended { throw notes.evicted }
      var head = found
      let result = try plan(&head)
      let isSame = head.head == found.head && head.table == found.table
      return isSame ? .unchanged(result) : .write(head, result)
    }
  }
}

extension PoolNotes {
  private var key: String { PoolObjectName.member(member).key }

  /// Throws unless this store, and no copy of it, wrote the own object last, and may go on.
  func check(_ own: PoolMember) throws(StoreError) {
    guard own.state != .ended else { throw evicted }
    let found = PoolStamp(incarnation: own.incarnation, changeCount: own.changeCount)
    guard found == stamp || candidates.contains(found) else {
      throw StoreError(
        .conflict, "a copy of this store acts in the pool, or this directory is an old one",
        object: key, remedy: "\(step: .rejoinPool), if this store is the one that is to go on",
        reason: .copied)
    }
  }

  var evicted: StoreError {
    StoreError(
      .conflict, "another store has taken over from this member", object: key,
      remedy: "\(step: .takePool), if this store is the one that is to go on",
      reason: .evicted)
  }

  var lostObject: StoreError {
    StoreError(
      .unavailable, "the member's object is not there", object: key,
      remedy: "check the pool")
  }
}
