package import CoppiceErrors
package import CoppiceFormat
internal import CoppicePlatform

extension PoolWriter {
  /// Announces a push.
  ///
  /// - Parameters:
  ///   - idCount: how many segments it may write. One that needs more announces itself once more.
  ///   - domain: of the pool.
  ///   - supports: entries that the pool lists, or that it lists as deleted.
  ///
  /// Throws `notFound` for a domain or an entry that is not there, with the reason `gone` for the
  /// latter; `full` when the pool has no more ids.
  package func openIntent(
    idCount: UInt32, domain: DomainID, supports names: [PoolEntryName]
  ) throws(StoreError) -> OpenIntent {
    try access.withLock { access throws(StoreError) in
      let head = try access.changeHead { $0 }
      guard let key = head.keys.sealingKey(of: domain)?.id else {
        throw StoreError(.notFound, "the pool has no domain \(domain.rawValue)")
      }
      let number = access.notes.number
      let others = try access.supports(names.filter { $0.member != number })
      var blocks = head.head.blocks(of: number)
      while true {
        let opened = try access.changeOwn { member, attempt throws(StoreError) -> OpenIntent? in
          var intent = PoolIntent(attempt: attempt, first: 0, count: 0, key: key, supports: names)
          let supports = try member.supports(names.filter { $0.member == number })
          if idCount > 0 {
            guard let run = SegmentIDs.run(of: idCount, from: member.nextID, in: blocks) else {
              return nil
            }
            member.nextID = run.ids.upperBound
            (intent.first, intent.count) = (run.first, run.count)
          }
          member.intents.append(intent)
          return OpenIntent(intent, supports: supports + others)
        }
        if let opened { return opened }
        blocks = try access.takeBlock(for: idCount)
      }
    }
  }

  /// The pushes that were announced and neither published nor given up, in earlier processes too.
  package func openIntents() throws(StoreError) -> [OpenIntent] {
    try access.withLock { access throws(StoreError) in
      try access.settle()
      let own = try access.own()
      return try own.intents.map { intent throws(StoreError) in
        let isOwn = { (name: PoolEntryName) in name.member == own.number }
        let supports = try own.supports(intent.supports.filter(isOwn))
        return OpenIntent(
          intent, supports: supports + (try access.supports(intent.supports.filter { !isOwn($0) })))
      }
    }
  }

  /// Gives a push up, whether or not it was announced still. Its segments that were sent are
  /// removed; one that lands later is referred to by nothing.
  ///
  /// - Parameter sent: ids of this intent. Throws `invalid` if one of them was published.
  package func close(_ intent: OpenIntent, removing sent: [SegmentID]) throws(StoreError) {
    precondition(sent.allSatisfy { intent.ids?.contains($0) ?? false })
    try access.withLock { access throws(StoreError) in
      let isPublished = try access.changeOwn { member, _ in
        member.close([intent.id])
        return sent.contains { id in member.published.contains { $0.run.contains(id) } }
      }
      guard !isPublished else {
        throw StoreError(.invalid, "was published and cannot be given up", object: "the push")
      }
      try access.remove(sent)
    }
  }
}

extension PoolHead {
  fileprivate func blocks(of member: PoolMemberNumber) -> [PoolSegmentRun] {
    blocks.filter { $0.member == member }.map(\.run)
  }
}

extension PoolMember {
  /// Closes intents. Collections that have begun keep what they held.
  mutating func close(_ ids: Set<PoolAttempt>) {
    let closed = intents.filter { ids.contains($0.attempt) }
    intents.removeAll { ids.contains($0.attempt) }
    for name in closed.flatMap(\.supports) where name.member == number {
      guard let index = entries.firstIndex(where: { $0.id == name.entry }) else { continue }
      entries[index].lastCycle = cycle
    }
  }

  func supports(_ names: [PoolEntryName]) throws(StoreError) -> [OpenIntent.Support] {
    try names.map { name throws(StoreError) in
      guard let entry = entries.first(where: { $0.id == name.entry }) else {
        throw StoreError(
          .notFound, "the entry \(name.entry.rawValue) that it builds on is gone",
          object: PoolObjectName.member(id).key, remedy: "push it anew", reason: .gone)
      }
      return OpenIntent.Support(name: name, root: entry.root)
    }
  }
}

extension PoolAccess {
  mutating func own() throws(StoreError) -> PoolMember {
    guard let own = try read(.member(notes.member), as: PoolMember.self) else {
      throw notes.lostObject
    }
    return own
  }

  /// Entries of members that have ended. Nobody else forgets any of theirs while this one writes.
  mutating func supports(_ names: [PoolEntryName]) throws(StoreError) -> [OpenIntent.Support] {
    if names.isEmpty { return [] }
    let head = try head()
    return try names.map { name throws(StoreError) in
      guard let id = head.members.first(where: { $0.number == name.member })?.id,
        let member = try read(.member(id), as: PoolMember.self)
      else {
        throw StoreError(
          .notFound, "the pool has no member \(name.member.rawValue)", reason: .gone)
      }
      return try member.supports([name])[0]
    }
  }

  /// Takes ids from the head; returns all blocks that this member has then.
  fileprivate mutating func takeBlock(
    for count: UInt32
  ) throws(StoreError) -> [PoolSegmentRun] {
    let number = notes.number
    return try changeHead { head throws(StoreError) in
      guard let run = SegmentIDs.block(for: count, behind: head.head.blocks) else {
        throw StoreError(.full, "the pool has no more ids for segments")
      }
      head.head.blocks.append(PoolSegmentBlock(run, member: number))
      return head.head.blocks(of: number)
    }
  }

  mutating func remove(_ segments: some Sequence<SegmentID>) throws(StoreError) {
    for id in segments {
      do throws(ObjectStoreError) {
        try store.remove(ObjectKey(known: PoolObjectName.segment(id).key))
      } catch {
        throw failure(error, "removing a segment")
      }
    }
  }
}
