internal import CoppiceFormat

/// What an older catalogue and records since say about branches, although some records are missing.
struct KnownBranches {
  private(set) var state: CatalogueState
  /// The LSN through which a branch's root has all writes, or at which it took its state: notes
  /// with a greater one are newer.
  private(set) var sealedThrough: [BranchID: LSN] = [:]
  /// The LSN at which a branch was known to have its name.
  private(set) var namedAt: [BranchID: LSN] = [:]
  /// Branches with smaller ids that the older catalogue does not have were forgotten before it.
  private let firstUnknown: UInt64
  private var forgotten: Set<BranchID> = []

  init(_ older: Catalogue?) {
    state = CatalogueState(
      older
        ?? Catalogue(lsn: .zero, time: 0, nextBranch: 1, nextVolume: 2, nextSegment: 1))
    firstUnknown = older?.nextBranch ?? 0
    for entry in state.branches.values {
      // Intervals that it shares with another were written before it took its state.
      let isOwn = entry.intervals.first?.writer == entry.id
      namedAt[entry.id] = state.lsn
      sealedThrough[entry.id] = (isOwn ? entry.intervals.first : entry.intervals.last)?.from
    }
  }

  /// Whether the branch is known to be no more.
  func isGone(_ id: BranchID) -> Bool { id.rawValue < firstUnknown || forgotten.contains(id) }

  /// Applies a record; records come in order, perhaps with gaps.
  ///
  /// - Parameter note: what is known of a branch's state at the record.
  mutating func apply(
    _ entry: RecoveredControlRecord, note: (BranchID) -> (NoteFrame, DomainID)?
  ) {
    switch entry.record {
    case .fork(let child, _, _, _):
      makeKnown(entry.branch, note)
      sealedThrough[child] = entry.lsn
      namedAt[child] = entry.lsn
    case .reset(let source, _):
      makeKnown(source, note)
      makeKnown(entry.branch, note)
      sealedThrough[entry.branch] = entry.lsn
    case .create:
      sealedThrough[entry.branch] = entry.lsn
      namedAt[entry.branch] = entry.lsn
    case .replace:
      makeKnown(entry.branch, note)
      sealedThrough[entry.branch] = entry.lsn
    case .rename, .restore:
      makeKnown(entry.branch, note)
      namedAt[entry.branch] = entry.lsn
    case .delete:
      makeKnown(entry.branch, note)
    case .forget(let ids):
      forgotten.formUnion(ids)
    case .condemn(let condemnations, _):
      forgotten.formUnion(condemnations.map(\.branch))
    case .publish(let oldRoot, _, _, _):
      let concerned = state.branches(on: oldRoot)
      state.apply(entry.record, branch: entry.branch, lsn: entry.lsn, time: entry.time)
      for id in concerned where state.branches[id]?.root != oldRoot {
        sealedThrough[id] = state.branches[id]?.intervals.first?.from
      }
      return
    // Of settings only the numbers of trust domains are kept: these are never given again.
    case .moved, .reserve, .unlinked, .set: break
    case .annotate: return
    }
    state.apply(entry.record, branch: entry.branch, lsn: entry.lsn, time: entry.time)
  }

  /// A branch whose beginnings are missing begins with a note.
  private mutating func makeKnown(
    _ id: BranchID, _ note: (BranchID) -> (NoteFrame, DomainID)?
  ) {
    guard state.branches[id] == nil, let (note, domain) = note(id) else { return }
    state.apply(
      .create(name: note.name, domain: domain, root: note.root, ends: []), branch: id,
      lsn: max(note.lsn, state.lsn), time: note.time)
    sealedThrough[id] = note.lsn
    namedAt[id] = note.lsn
  }
}
