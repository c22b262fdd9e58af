package import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

// Every change of the catalogue: under the keeper's lock a record takes its LSN and is applied,
// then RAM follows, then the record is synced before the caller hears of it.

/// The branches and snapshots of a store: makes them, forks them, gives them other states and
/// names, and keeps what is noted about them.
package final class Branches: Sendable {
  let core: StoreCore
  private let pressure: Pressure
  private let checkpointer: Checkpointer
  private let didDelete: @Sendable () -> Void
  private let volumeNumbers = Mutex(VolumeNumberBlock())

  /// - Parameter didDelete: called when something may be forgotten later.
  init(
    _ core: StoreCore, _ pressure: Pressure, _ checkpointer: Checkpointer,
    didDelete: @escaping @Sendable () -> Void
  ) {
    self.core = core
    self.pressure = pressure
    self.checkpointer = checkpointer
    self.didDelete = didDelete
  }

  /// The branch or snapshot of that name.
  package func named(_ name: String) throws(StoreError) -> EngineBranch {
    try core.gate.checkOpen()
    let found = core.keeper.read { kept in
      kept.catalogue.branch(named: name).flatMap { kept.branches[$0.id] }
    }
    guard let found else {
      throw StoreError(.notFound, "there is no such branch", object: name)
    }
    return found
  }

  package func with(_ id: BranchID) -> EngineBranch? { core.keeper.read { $0.branches[id] } }

  /// All entries, deleted ones too, in order of creation.
  package func entries() -> [BranchEntry] {
    core.keeper.read { kept in kept.catalogue.branches.values.sorted { $0.id < $1.id } }
  }

  /// Entries that are chosen, each with what it was made from, if that is there.
  ///
  /// - Parameter isChosen: asked under the keeper's lock: it must not ask the engine for anything.
  package func entries(
    where isChosen: (BranchEntry) -> Bool
  ) -> [(entry: BranchEntry, parent: String?)] {
    core.keeper.read { kept in
      let branches = kept.catalogue.branches
      return branches.values.filter(isChosen).map { entry in
        let parent = branches[entry.parent]
        return (entry, parent.flatMap { $0.flags.contains(.deleted) ? nil : $0.name })
      }
    }
  }

  /// Whether there is an entry like that; asked as for `entries`.
  package func contains(where isMeant: (BranchEntry) -> Bool) -> Bool {
    core.keeper.read { $0.catalogue.branches.values.contains(where: isMeant) }
  }

  package func entry(_ id: BranchID) -> BranchEntry? {
    core.keeper.read { $0.catalogue.branches[id] }
  }

  /// A branch without volumes.
  package func create(
    named name: String, domain: DomainID, annotations: [FieldChange] = []
  ) throws(StoreError) -> EngineBranch {
    try core.gate.checkWritable()
    let (branch, lsn) = try core.keeper.change { kept throws(StoreError) in
      try create(&kept, name, domain, root: .hole, ends: [], annotations)
    }
    try core.journal.flush(through: lsn)
    return branch
  }

  /// - Parameter claimed: an id that was taken before; `nil` takes one.
  func create(
    _ kept: inout Kept, _ name: String, _ domain: DomainID, as claimed: BranchID? = nil, root: Ref,
    ends: [SegmentEnd], _ annotations: [FieldChange]
  ) throws(StoreError) -> (EngineBranch, LSN) {
    try kept.checkFree(name)
    try Fields().check(annotations, of: name)
    let id = claimed ?? kept.catalogue.takeBranchID()
    let lsns = try kept.record(
      .create(name: name, domain: domain, root: root, ends: ends), of: id, annotating: id,
      annotations)
    let branch = makeBranch(
      &kept, id, SealedState(root: RootView(root, frames: core.frames), frozen: .empty),
      from: lsns.first
    )
    branch.noteControl(lsns.last)
    return (branch, lsns.last)
  }

  /// The catalogue has the entry already.
  func makeBranch(
    _ kept: inout Kept, _ id: BranchID, _ sealed: SealedState, from lsn: LSN
  ) -> EngineBranch {
    guard let entry = kept.catalogue.branches[id] else {
      preconditionFailure("a branch that was just recorded")
    }
    let state = BranchState(sealed: sealed, open: Layer(writer: id, from: lsn, meter: core.meter))
    let branch = EngineBranch(entry, core, pressure, state: state, controlLSN: lsn)
    kept.branches[id] = branch
    core.hints.added.withLock { $0.begin(id, at: core.clock.wallNanoseconds()) }
    return branch
  }

  /// A new branch, or a snapshot, with the parent's state at this moment: one record, whatever the
  /// parent holds and whoever writes to it. Durable on return. It inherits annotations;
  /// `annotations` are changes to these, in the same transaction.
  package func fork(
    _ parent: EngineBranch, named name: String, isReadOnly: Bool, annotations: [FieldChange] = []
  ) throws(StoreError) -> EngineBranch {
    try core.gate.checkWritable()
    let (child, lsn) = try parent.writer.withLockFirst { () throws(StoreError) in
      try core.keeper.change { kept throws(StoreError) in
        try fork(&kept, parent, named: name, isReadOnly: isReadOnly, annotations)
      }
    }
    try core.journal.flush(through: lsn)
    return child
  }

  /// The caller holds the parent's `writer`.
  private func fork(
    _ kept: inout Kept, _ parent: EngineBranch, named name: String, isReadOnly: Bool,
    _ annotations: [FieldChange]
  ) throws(StoreError) -> (EngineBranch, LSN) {
    let entry = try kept.understoodEntry(of: parent)
    try kept.checkFree(name)
    if isReadOnly { try kept.checkHasBranch(snapshot: name) }
    try entry.annotations.inherited.check(annotations, of: name)
    let id = kept.catalogue.takeBranchID()
    let lsns = try kept.record(
      .fork(
        child: id, name: name, isReadOnly: isReadOnly, sharesThrough: parent.writtenThrough),
      of: parent.id, annotating: id, annotations)
    parent.freezeOpenLayer(through: lsns.first)
    let sealed = parent.state.withLock { $0.sealed }
    let child = makeBranch(&kept, id, sealed, from: lsns.first)
    child.noteControl(lsns.last)
    return (child, lsns.last)
  }

  /// Gives entries other names, all or none.
  package func rename(_ renames: [(branch: EngineBranch, name: String)]) throws(StoreError) {
    try core.gate.checkWritable()
    let lsn = try core.keeper.change { kept throws(StoreError) in
      try kept.checkRename(renames)
      let lsn = try kept.record(renames.map { ($0.branch.id, .rename(name: $0.name)) })
      for rename in renames { rename.branch.noteControl(lsn) }
      return lsn
    }
    try core.journal.flush(through: lsn)
  }

  /// Throws what `rename` with these arguments would now, but for a store that is only read.
  package func checkRename(
    _ renames: [(branch: EngineBranch, name: String)]
  ) throws(StoreError) {
    try core.keeper.read { kept throws(StoreError) in try kept.checkRename(renames) }
  }

  /// Hides entries, all or none. Each stays a root until it is forgotten, and can be restored.
  ///
  /// - Parameters:
  ///   - annotations: changes to those of each, in the same transaction.
  ///   - check: asked about each at that moment, and may refuse all. It must not ask the engine for
  ///     anything.
  package func delete(
    _ targets: [EngineBranch], annotations: [FieldChange] = [],
    check: (BranchEntry) throws(StoreError) -> Void = { _ in }
  ) throws(StoreError) {
    try core.gate.checkWritable()
    let now = core.clock.wallNanoseconds()
    let lsn = try checkpointer.makingRoomForRecords { () throws(StoreError) in
      try core.keeper.change { kept throws(StoreError) in
        for target in targets {
          let entry = try kept.deletableEntry(of: target, annotations, at: now)
          try check(entry)
          try entry.annotations.check(annotations, of: entry.name)
        }
        try kept.checkNoneIsOrphaned(deleting: targets)
        var records: [(branch: BranchID, record: ControlRecord)] = targets.map { ($0.id, .delete) }
        if !annotations.isEmpty { records += targets.map { ($0.id, .annotate(annotations)) } }
        records += kept.deletionOrders(of: targets, annotations)
        let lsn = try kept.record(records)
        for target in targets {
          target.setDeleted(true)
          target.noteControl(lsn)
        }
        return lsn
      }
    }
    try core.journal.flush(through: lsn)
    didDelete()
  }

  /// Throws what `delete` with these arguments would now, or `deleteForGood` with entries that are
  /// deleted before, but for a store that is only read.
  package func checkDelete(
    _ targets: [EngineBranch], deletedBefore: Set<BranchID> = []
  ) throws(StoreError) {
    let now = core.clock.wallNanoseconds()
    try core.keeper.read { kept throws(StoreError) in
      try kept.checkDoomed(targets, deletedBefore, at: now)
    }
  }

  /// Throws what publishing an import into the branch would now of its state: `denied` for one that
  /// is protected, approved or expired.
  package func checkReplace(
    _ target: EngineBranch, annotations: [FieldChange] = []
  ) throws(StoreError) {
    let now = core.clock.wallNanoseconds()
    try core.keeper.read { kept throws(StoreError) in
      try kept.checkReplaceable(target, annotations, at: now)
    }
  }

  /// Brings a deleted entry back under a name, as one that is neither expired nor kept.
  ///
  /// - Parameter annotations: changes besides, in the same transaction.
  package func restore(
    _ id: BranchID, named name: String, annotations: [FieldChange] = []
  ) throws(StoreError) -> EngineBranch {
    try core.gate.checkWritable()
    let (branch, lsn) = try core.keeper.change { kept throws(StoreError) in
      guard let branch = kept.branches[id], branch.isDeleted else {
        throw StoreError(
          .notFound, "there is no such deleted branch", object: name,
          remedy: "list the deleted branches")
      }
      try kept.checkFree(name)
      if branch.isReadOnly { try kept.checkHasBranch(snapshot: name) }
      let fields = kept.catalogue.branches[id]?.annotations ?? Fields()
      let ended = [FieldTag.keepUntil, .expired, .ending, .deletionOrder]
        .filter { fields[$0] != nil }
      let changes = ended.map { FieldChange($0, nil) } + annotations
      try fields.check(changes, of: name)
      let lsns = try kept.record(.restore(name: name), of: id, annotating: id, changes)
      branch.setDeleted(false)
      branch.noteControl(lsns.last)
      return (branch, lsns.last)
    }
    try core.journal.flush(through: lsn)
    return branch
  }

  // MARK: Volume numbers

  /// A volume number that was never used in this store.
  package func allocateVolumeNumber() throws(StoreError) -> VolumeNumber {
    try core.gate.checkWritable()
    while true {
      if let number = volumeNumbers.withLock({ $0.take() }) { return number }
      try core.keeper.change { kept throws(StoreError) in
        if volumeNumbers.withLock({ !$0.isEmpty }) { return }
        let first = kept.catalogue.nextVolume
        let end = first + VolumeNumberBlock.count
        guard end <= 1 << UInt64(VolumeNumber.bitCount) else {
          throw StoreError(
            .full, "the store has used up its \(first) file numbers",
            remedy: "copy the branches to a new store")
        }
        try kept.record(.reserve(nextVolume: end))
        volumeNumbers.withLock { $0 = VolumeNumberBlock(next: first, end: end) }
      }
    }
  }

  /// Sees to it that no volume that is made from here on gets a number up to this one: for a state
  /// that has volumes of another store.
  package func reserveVolumeNumbers(through last: VolumeNumber) throws(StoreError) {
    try core.gate.checkWritable()
    try core.keeper.change { kept throws(StoreError) in
      volumeNumbers.withLock { $0.drop(through: last) }
      guard last.rawValue >= kept.catalogue.nextVolume else { return }
      try kept.record(.reserve(nextVolume: last.rawValue + 1))
    }
  }
}

/// Volume numbers that a `reserve` record set aside. The record's LSN is below that of any write to
/// them, so it is durable whenever such a write is.
struct VolumeNumberBlock {
  static let count: UInt64 = 4096
  var next: UInt64 = 0
  var end: UInt64 = 0

  var isEmpty: Bool { next == end }

  mutating func take() -> VolumeNumber? {
    guard next < end else { return nil }
    defer { next += 1 }
    return VolumeNumber(next)
  }

  mutating func drop(through last: VolumeNumber) {
    next = min(max(next, last.rawValue + 1), end)
  }
}

extension Kept {
  func checkFree(_ name: String) throws(StoreError) {
    guard let other = catalogue.branch(named: name) else { return }
    guard other.annotations.expiredSince == nil else {
      throw StoreError(
        .conflict, "a branch of that name exists, and has expired", object: name,
        remedy: "\(step: .renew(name)); or choose another name, or delete that one first")
    }
    throw StoreError(
      .conflict, "a branch or snapshot of that name exists", object: name,
      remedy: "choose another name, or delete that one first")
  }

  func checkExists(_ branch: EngineBranch) throws(StoreError) {
    if branch.isDeleted || catalogue.branches[branch.id] == nil {
      throw StoreError(.notFound, "the branch was deleted", remedy: "restore it first")
    }
  }

  /// An entry that is there and carries nothing critical that this version does not know.
  @discardableResult
  func understoodEntry(of branch: EngineBranch) throws(StoreError) -> BranchEntry {
    try checkExists(branch)
    guard let entry = catalogue.branches[branch.id] else {
      preconditionFailure("a branch that exists and is not in the catalogue")
    }
    try entry.checkUnderstood()
    return entry
  }

  func checkRename(
    _ renames: [(branch: EngineBranch, name: String)]
  ) throws(StoreError) {
    var names: Set<[UInt8]> = []
    for rename in renames {
      try checkExists(rename.branch)
      try catalogue.branches[rename.branch.id]?.checkNotApproved()
      try checkFree(rename.name)
      guard names.insert(rename.name.nameKey).inserted else {
        throw StoreError(.conflict, "two branches cannot take one name", object: rename.name)
      }
    }
  }

  /// As `understoodEntry`, of one that is neither protected nor, after the changes, approved.
  func deletableEntry(
    of branch: EngineBranch, _ changes: [FieldChange] = [], at now: Int64
  ) throws(StoreError) -> BranchEntry {
    let entry = try understoodEntry(of: branch)
    try entry.checkUnprotected(at: now)
    try entry.checkNotApproved(after: changes)
    return entry
  }

  /// Throws what keeps an import from replacing the content with these changes.
  func checkReplaceable(
    _ branch: EngineBranch, _ changes: [FieldChange], at now: Int64
  ) throws(StoreError) {
    let entry = try deletableEntry(of: branch, at: now)
    try entry.checkNotExpired(after: changes)
    try entry.annotations.check(changes, of: entry.name)
  }

  /// Whether these can be deleted for good: those that were deleted before as long as they are.
  func checkDoomed(
    _ targets: [EngineBranch], _ deletedBefore: Set<BranchID>, at now: Int64
  ) throws(StoreError) {
    for target in targets where !deletedBefore.contains(target.id) {
      _ = try deletableEntry(of: target, at: now)
    }
    for target in targets where deletedBefore.contains(target.id) {
      guard let entry = catalogue.branches[target.id], entry.flags.contains(.deleted) else {
        throw StoreError(
          .conflict, "was restored or forgotten meanwhile", object: name(of: target.id),
          remedy: "look at it, and delete it again")
      }
      try entry.checkUnderstood()
      try entry.checkUnprotected(at: now)
      try entry.checkNotApproved()
    }
    try checkNoneIsOrphaned(deleting: targets.filter { !deletedBefore.contains($0.id) })
  }
}
