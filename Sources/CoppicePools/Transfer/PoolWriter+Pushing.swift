package import CoppiceEngine
package import CoppiceErrors
package import CoppiceFormat
internal import CoppicePlatform

/// What a push did.
package struct PushResult: Hashable, Sendable {
  package let entry: PoolEntryName
  /// The pool had this very state.
  package let isUnchanged: Bool
  /// Pages that were sent.
  package let pageCount: UInt64
  package let segmentCount: Int
  /// Of the objects that were sent, those of an earlier process that are used too.
  package let byteCount: UInt64
}

extension PoolAccess {
  /// The entry that has this state already; `nil` if a push is to be made of it.
  ///
  /// Throws `conflict` with the reason `exists` for a snapshot's name that another state has.
  package mutating func unchanged(
    _ tree: SealedTree, as state: PushedState
  ) throws(StoreError) -> PoolEntryName? {
    guard isSettled else { return nil }
    return try Self.unchanged(tree, as: state, try entries())
  }

  fileprivate static func unchanged(
    _ tree: SealedTree, as state: PushedState, _ entries: [ListedEntry]
  ) throws(StoreError) -> PoolEntryName? {
    guard let found = entries.newest(state.name) else { return nil }
    if found.entry.root.hash == tree.root.hash, found.entry.domain == state.domain {
      return found.name
    }
    if state.isSnapshot { throw state.nameTaken }
    return nil
  }
}

extension PoolWriter {
  /// Puts a state of a store into the pool: what the pool does not have of it is sent, verified,
  /// and published. Where an earlier push stopped, also in another process, and of another state,
  /// its segments are used. One push runs at a time.
  ///
  /// Throws `invalid` for a store of another family or page size, `corrupt` for damage in the
  /// store, which goes nowhere, and what `openIntent` and `publish` throw; `unavailable` when it
  /// was told to stop.
  package func push(
    _ tree: SealedTree, as state: PushedState, _ options: TransferOptions
  ) throws(StoreError) -> PushResult {
    try pushing.withLock { _ throws(StoreError) in
      let (content, same, entries) = try access.withLock { access throws(StoreError) in
        try access.settle()
        let head = try access.head()
        try access.require(
          PoolFamily(
            pageShift: UInt8(tree.pageByteCount.trailingZeroBitCount), secret: tree.secret.bytes),
          of: head)
        let entries = try access.entries(of: head)
        return (
          PoolContent(access, head, options),
          try PoolAccess.unchanged(tree, as: state, entries), entries
        )
      }
      if let same {
        return PushResult(
          entry: same, isUnchanged: true, pageCount: 0, segmentCount: 0, byteCount: 0)
      }
      return try push(
        tree, as: state, content,
        upon: Self.supports(of: state, holding: tree.logicalByteCount, entries))
    }
  }

  private static let supportCountMax = 8

  /// The entries that are most likely to share with a state: the branch's, newest first, then
  /// others that hold about as much.
  private static func supports(
    of state: PushedState, holding byteCount: UInt64, _ entries: [ListedEntry]
  ) -> [PoolEntryName] {
    let name = state.branchName
    func rank(_ listed: ListedEntry) -> Int {
      if listed.entry.name.hasBytes(of: name) { return 2 }
      return listed.entry.branchName.hasBytes(of: name) ? 1 : 0
    }
    func distance(_ listed: ListedEntry) -> UInt64 {
      let other = listed.entry.logicalByteCount
      return max(other, byteCount) - min(other, byteCount)
    }
    return entries.filter { $0.entry.isLive && $0.entry.domain == state.domain }
      .sorted { first, second in
        let (rank, other) = (rank(first), rank(second))
        if rank != other { return rank > other }
        if rank == 0, distance(first) != distance(second) {
          return distance(first) < distance(second)
        }
        return first.entry.publishedAt > second.entry.publishedAt
      }
      .prefix(supportCountMax).map(\.name)
  }

  private func push(
    _ tree: SealedTree, as state: PushedState, _ content: PoolContent,
    upon supports: [PoolEntryName]
  ) throws(StoreError) -> PushResult {
    var notes = UploadNotes(disk: site.disk, folder: site.folder)
    let continued = try resume(&notes, in: state.domain)
    let placed = PlacedPages()
    let kept = content.kept(notes, in: continued, placed)
    let upload = try PoolUpload(
      self, content, state, supports: supports, continuing: continued, notes)
    let roots = try upload.begin()
    var push = try PoolPush(tree, to: content, upload, supports: roots, placed: placed)
    let root = try push.run()
    let segments = kept + (try upload.finish())
    let byteCount = segments.reduce(0) { $0 + UInt64($1.byteCount) }
    let entry = try publish(
      state,
      PushedContent(
        root: root, segments: segments, references: push.references,
        logicalByteCount: tree.logicalByteCount, newByteCount: byteCount), of: upload.intents)
    let lost = upload.end().subtracting(segments.map(\.id))
    // What an earlier process had under way, under ids of intents that ended with this entry; a
    // sweep finds what stays.
    try? access.withLock { access throws(StoreError) in try access.remove(lost) }
    return PushResult(
      entry: entry, isUnchanged: false, pageCount: push.pageCount, segmentCount: segments.count,
      byteCount: byteCount)
  }

  /// The intents of earlier processes that have segments to go on from; all others are given up.
  private func resume(
    _ notes: inout UploadNotes, in domain: DomainID
  ) throws(StoreError) -> [OpenIntent] {
    let open = try openIntents()
    if notes.domain == domain, !notes.sent.isEmpty {
      let continued = open.filter { intent in
        notes.sent.keys.contains { intent.ids?.contains($0) ?? false }
      }
      for intent in open where !continued.contains(intent) { try close(intent, removing: []) }
      if !continued.isEmpty { return continued }
    }
    for intent in open {
      let ids = (intent.ids?.ids ?? 0..<0).map { SegmentID($0) }
      // Without notes any of them may have been sent.
      try close(
        intent,
        removing: notes.domain == nil
          ? ids : ids.filter { notes.begun.contains($0) || notes.sent[$0] != nil })
    }
    notes.clear()
    return []
  }
}

extension PoolContent {
  /// Segments of earlier processes, whose pages are noted as placed. Those that the object store
  /// does not have in full, and those whose index cannot be had, are not used.
  fileprivate func kept(
    _ notes: UploadNotes, in intents: [OpenIntent], _ placed: PlacedPages
  ) -> [PushedSegment] {
    let isOfIntent = { (id: SegmentID) in intents.contains { $0.ids?.contains(id) ?? false } }
    var kept: [PushedSegment] = []
    var contents: [SegmentFrames] = []
    for (id, byteCount) in notes.sent.sorted(by: { $0.key < $1.key }) where isOfIntent(id) {
      let key = ObjectKey(known: PoolObjectName.segment(id).key)
      // What cannot be told now is sent anew.
      guard let status = try? store.head(key), status.byteCount == byteCount,
        let frames = try? frames(of: id)
      else { continue }
      kept.append(PushedSegment(id: id, byteCount: byteCount, isVerified: true))
      contents.append(frames)
    }
    let ids = Set(kept.map(\.id))
    for frame in contents.flatMap(\.frames) where frame.ref.locator.form.kind == .page {
      // A base lies in a segment that is used too, or in one that was published before.
      let home = frame.base.segment
      if frame.base == .none || ids.contains(home) || !isOfIntent(home) { placed.note(frame.ref) }
    }
    return kept
  }
}

extension PoolEntry {
  var branchName: String {
    PushedState(name: name, domain: domain, lsn: lsn, createdAt: createdAt).branchName
  }
}
