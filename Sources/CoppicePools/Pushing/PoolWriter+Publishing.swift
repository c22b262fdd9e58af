package import CoppiceErrors
package import CoppiceFormat
internal import CoppicePlatform

// An entry becomes visible in one change of the own object, whose conditions are looked at in the
// very content that it replaces: the intents are open, what they build on is listed, the segments
// are theirs. Before it every segment is there in full, and the head has the branch's name.

extension PoolWriter {
  /// Publishes what pushes have put into the pool, and closes them. The branch's state before is
  /// superseded. The same call again, in a later process too, changes nothing.
  ///
  /// - Parameter intents: of this content, at least one.
  ///
  /// Throws `notFound` with the reason `gone` when something that it builds on is not there any
  /// more, `conflict` when the push was given up, or with the reason `exists` when the branch has a
  /// snapshot of that name; `unavailable` when a segment is not there in full.
  package func publish(
    _ state: PushedState, _ content: PushedContent, of intents: [OpenIntent]
  ) throws(StoreError) -> PoolEntryName {
    precondition(!intents.isEmpty)
    guard state.name.utf8.count <= BranchEntry.nameByteCountMax else {
      throw StoreError(.invalid, "the name of a branch is too long", object: state.name)
    }
    return try access.withLock { access throws(StoreError) in
      for segment in content.segments where !segment.isVerified { try access.verify(segment) }
      let branch = try access.branch(named: state.branchName)
      let before = try access.formerEntries(of: branch)
      if state.isSnapshot, before.contains(where: { $0.entry.isSnapshot(named: state.name) }) {
        throw state.nameTaken
      }
      let closing = Set(intents.map(\.id))
      let others = intents.flatMap(\.supports).map(\.name)
        .filter { $0.member != access.notes.number }
      _ = try access.supports(others)
      let now = access.now
      let elsewhere = try access.published(
        of: try access.head(), besides: access.notes.number)
      let name = try access.changeOwn { member, _ throws(StoreError) in
        try content.checkReferences(elsewhere + member.published)
        let id = try member.publish(
          state, content, closing, branch, epochBefore: before.map(\.entry.epoch).max(), at: now)
        return PoolEntryName(member: member.number, entry: id)
      }
      if !state.isSnapshot {
        for former in before where former.entry.isState(of: branch) {
          try access.supersede(former.name, at: now)
        }
      }
      return name
    }
  }
}

extension PushedContent {
  /// Whatever went wrong before: no entry refers to a segment that is not of the pool.
  fileprivate func checkReferences(_ published: [PoolPublishedRun]) throws(StoreError) {
    let own = Set(segments.map(\.id))
    for id in references.subtracting(own)
    where !published.contains(where: { $0.run.contains(id) }) {
      throw StoreError(
        .conflict, "is referred to and none of the pool", object: PoolObjectName.segment(id).key,
        remedy: "push it anew")
    }
  }
}

extension PushedState {
  var branchName: String { name.split(byte: Self.separator, maxCount: 2).first ?? name }
  var isSnapshot: Bool { name.utf8.contains(Self.separator) }
  private static let separator = UInt8(ascii: "@")

  var nameTaken: StoreError {
    StoreError(
      .conflict, "the pool has a snapshot of that name", object: name, reason: .exists)
  }
}

extension PoolMember {
  /// Adds the entry, or finds it, and returns its id.
  fileprivate mutating func publish(
    _ state: PushedState, _ content: PushedContent, _ closing: Set<PoolAttempt>,
    _ branch: BranchID, epochBefore: UInt32?, at now: Int64
  ) throws(StoreError) -> PoolEntryID {
    let open = intents.filter { closing.contains($0.attempt) }
    guard open.count == closing.count else {
      // A push closes its intents when it is published.
      if open.isEmpty, let entry = entries.last(where: { $0.isState(state, content.root) }) {
        return entry.id
      }
      throw StoreError(
        .conflict, "the push was given up", object: state.name, remedy: "push it anew")
    }
    _ = try supports(open.flatMap(\.supports).filter { $0.member == number })
    if state.isSnapshot, entries.contains(where: { $0.isSnapshot(named: state.name) }) {
      throw state.nameTaken
    }
    try note(content.segments, of: open, in: state.domain)
    let epoch = entries.last { $0.branch == branch }?.epoch ?? epochBefore.map { $0 + 1 } ?? 0
    if !state.isSnapshot {
      for index in entries.indices where entries[index].isState(of: branch) {
        entries[index].supersede(in: cycle, at: now)
      }
    }
    close(closing)
    var entry = PoolEntry(
      id: PoolEntryID(nextEntry), branch: branch, domain: state.domain, root: content.root,
      createdAt: state.createdAt, name: state.name)
    entry.epoch = epoch
    if state.isSnapshot { entry.flags = .snapshot }
    entry.lsn = state.lsn
    entry.publishedAt = now
    entry.logicalByteCount = content.logicalByteCount
    entry.newByteCount = content.newByteCount
    entry.annotations = state.annotations
    entries.append(entry)
    nextEntry += 1
    return entry.id
  }

  /// Lists segments as published: from here on entries may reach them.
  private mutating func note(
    _ segments: [PushedSegment], of intents: [PoolIntent], in domain: DomainID
  ) throws(StoreError) {
    var runs = published
    for segment in segments {
      let intent = intents.first {
        PoolSegmentRun(first: $0.first, count: $0.count).contains(segment.id)
      }
      guard let intent else {
        throw StoreError(
          .invalid, "the segment \(segment.id.rawValue) is none of the push", object: "the push")
      }
      runs.append(
        PoolPublishedRun(
          PoolSegmentRun(first: UInt32(segment.id.rawValue), count: 1), domain: domain,
          key: intent.key))
    }
    published = runs.joined
  }
}

extension [PoolPublishedRun] {
  /// The same ids in ascending runs that are as long as they can be.
  var joined: [PoolPublishedRun] {
    sorted { $0.run.first < $1.run.first }.reduce(into: []) { joined, next in
      if let last = joined.last, last.domain == next.domain, last.key == next.key,
        last.run.ids.upperBound == next.run.ids.lowerBound
      {
        joined[joined.count - 1].run.count += next.run.count
      } else {
        joined.append(next)
      }
    }
  }
}

extension PoolEntry {
  /// Whether it is a state of the branch that no newer one has superseded.
  func isState(of branch: BranchID) -> Bool {
    self.branch == branch && isLive && !flags.contains(.snapshot)
  }

  fileprivate func isSnapshot(named name: String) -> Bool {
    isLive && flags.contains(.snapshot) && self.name.hasBytes(of: name)
  }

  package var isLive: Bool { flags.isDisjoint(with: [.deleted, .superseded]) }

  mutating func supersede(in cycle: UInt64, at now: Int64) {
    flags.insert(.superseded)
    lastCycle = cycle
    deletedAt = now
  }

  fileprivate func isState(_ state: PushedState, _ root: Ref) -> Bool {
    name.hasBytes(of: state.name) && self.root == root && domain == state.domain
      && lsn == state.lsn && createdAt == state.createdAt
  }
}

extension PoolAccess {
  /// Makes sure that an object was stored in full.
  fileprivate mutating func verify(_ segment: PushedSegment) throws(StoreError) {
    let name = PoolObjectName.segment(segment.id)
    var waiting = Patience.Waiting(site.patience)
    while true {
      let byteCount: Int
      do throws(ObjectStoreError) {
        byteCount = try store.head(ObjectKey(known: name.key)).byteCount
      } catch {
        guard error.kind != .denied, waiting.goOn() else {
          throw failure(error, "verifying a segment")
        }
        continue
      }
      if byteCount == segment.byteCount { return }
      throw StoreError(
        .unavailable, "has \(byteCount) bytes instead of \(segment.byteCount)", object: name.key,
        remedy: "push it anew")
    }
  }

  /// Enters the branch in the head, for this member to write.
  fileprivate mutating func branch(named name: String) throws(StoreError) -> BranchID {
    let number = notes.number
    return try changeHead { head throws(StoreError) in
      let known = head.head.branches.firstIndex { $0.name.hasBytes(of: name) }
      if let known {
        // Whoever wrote it before has ended: otherwise this member would have.
        head.head.branches[known].member = number
        return head.head.branches[known].id
      }
      let id = BranchID(head.head.nextBranch)
      head.head.nextBranch += 1
      head.head.branches.append(PoolBranch(id: id, member: number, name: name))
      return id
    }
  }

  /// What other members published of the branch before they ended.
  fileprivate mutating func formerEntries(of branch: BranchID) throws(StoreError) -> [ListedEntry] {
    let head = try head()
    // With no other member nothing is read but the head.
    guard head.members.count > 1 else { return [] }
    let number = notes.number
    return try entries().filter { $0.entry.branch == branch && $0.name.member != number }
  }

  fileprivate mutating func supersede(
    _ former: PoolEntryName, at now: Int64
  ) throws(StoreError) {
    try changeMember(former.member) { member in
      let index = member.entries.firstIndex { $0.id == former.entry }
      guard let index, member.entries[index].isLive else { return }
      member.entries[index].supersede(in: member.cycle, at: now)
    }
  }
}
