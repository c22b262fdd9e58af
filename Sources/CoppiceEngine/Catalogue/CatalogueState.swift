package import CoppiceFormat
internal import CoppicePlatform

/// The catalogue as a state machine over control records: the same code applies a record when it
/// happens and when it is replayed, so the replayed state equals the live one by construction.
///
/// A branch's state is its root and an ordered list of journal intervals, joined where one writer's
/// touch. How RAM cuts that list into layers is not recorded here.
package struct CatalogueState: Sendable {
  package private(set) var lsn: LSN
  package private(set) var branches: [BranchID: BranchEntry]
  /// Entries that are no roots any more and cannot be restored: what is to be done about them is
  /// not through yet.
  package private(set) var condemned: [BranchID: BranchEntry] = [:]
  /// By their names' keys.
  package private(set) var branchIDs: [[UInt8]: BranchID]
  /// The branches on each root: those that a publish may concern.
  private var branchesByRoot: [Ref: Set<BranchID>]
  /// The snapshots of each entry, deleted ones too.
  private(set) var snapshots: [BranchID: Set<BranchID>] = [:]
  package private(set) var segments: [SegmentID: SegmentEntry]
  package private(set) var retired: [SegmentID: RetiredSegment]
  /// Segments without live frames whose files may still be there.
  package private(set) var reclaimed: [SegmentID: SegmentEntry]
  package private(set) var nextBranch: UInt64
  package private(set) var nextVolume: UInt64
  package private(set) var nextSegment: UInt64
  package private(set) var nextDomain: UInt32
  package private(set) var settings: [SettingKey: [UInt8]]
  /// What they take in a catalogue.
  package private(set) var settingsByteCount: Int
  private let extensions: Fields

  package init(_ catalogue: Catalogue) {
    lsn = catalogue.lsn
    nextBranch = catalogue.nextBranch
    nextVolume = catalogue.nextVolume
    nextSegment = catalogue.nextSegment
    nextDomain = catalogue.nextDomain
    settings = Dictionary(
      catalogue.settings.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    settingsByteCount = catalogue.settings.reduce(0) { $0 + $1.byteCount }
    extensions = catalogue.extensions
    branches = [:]
    branchIDs = [:]
    branchesByRoot = [:]
    for entry in catalogue.branches {
      if entry.flags.contains(.condemned) {
        condemned[entry.id] = entry
        continue
      }
      branches[entry.id] = entry
      branchesByRoot[entry.root, default: []].insert(entry.id)
      if !entry.flags.contains(.deleted) { branchIDs[entry.name.nameKey] = entry.id }
    }
    let (gone, present) = (
      catalogue.segments.filter { $0.flags.contains(.reclaimed) },
      catalogue.segments.filter { !$0.flags.contains(.reclaimed) }
    )
    segments = Dictionary(present.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    reclaimed = Dictionary(gone.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    retired = Dictionary(
      catalogue.retired.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    for entry in branches.values { noteSnapshot(entry) }
    for entry in catalogue.branches { noteUsed(entry.domain) }
    for entry in catalogue.segments { noteUsed(entry.domain) }
    for setting in catalogue.settings { noteDomain(setting.key, setting.value) }
  }

  /// The state as a checkpoint stores it.
  package func catalogue(time: Int64, journalFiles: [JournalFileEntry]) -> Catalogue {
    Catalogue(
      lsn: lsn, time: time, nextBranch: nextBranch, nextVolume: nextVolume,
      nextSegment: nextSegment, nextDomain: nextDomain,
      branches: (Array(branches.values) + condemned.values).sorted { $0.id < $1.id },
      segments: (Array(segments.values) + reclaimed.values).sorted { $0.id < $1.id },
      retired: retired.values.sorted { $0.id < $1.id },
      journalFiles: journalFiles,
      settings: settings.map { Setting($0.key, $0.value) }.sorted { $0.key < $1.key },
      extensions: extensions)
  }

  package func branch(named name: String) -> BranchEntry? {
    branchIDs[name.nameKey].flatMap { branches[$0] }
  }

  /// The branches with this root, deleted ones too.
  /// The published part of all segments.
  var storedByteCount: UInt64 { segments.values.reduce(0) { $0 + $1.byteCount } }

  func branches(on root: Ref) -> Set<BranchID> { branchesByRoot[root] ?? [] }

  /// Of those that are condemned, the ones that ended by themselves: a proof is to be made of each.
  var endedByThemselves: Set<BranchID> {
    Set(condemned.values.lazy.filter(\.endedByItself).map(\.id))
  }

  // MARK: Numbers

  package mutating func takeBranchID() -> BranchID {
    defer { nextBranch += 1 }
    return BranchID(nextBranch)
  }

  /// A number for a trust domain, to be published with its setting or its first segment; a crash
  /// before that frees it again. `nil` when there is none left.
  package mutating func takeDomainID() -> DomainID? {
    guard nextDomain < .max else { return nil }
    defer { nextDomain += 1 }
    return DomainID(nextDomain)
  }

  private mutating func noteUsed(_ domain: DomainID) {
    if domain.rawValue >= nextDomain {
      nextDomain = domain.rawValue == .max ? .max : domain.rawValue + 1
    }
  }

  private mutating func noteDomain(_ key: SettingKey, _ value: [UInt8]) {
    guard key.domainName != nil, let setting = try? DomainSetting.decode(value.span.bytes) else {
      return
    }
    noteUsed(setting.domain)
  }

  // MARK: Applying

  /// Applies a record that took `lsn`. Records are applied in order of their LSNs.
  package mutating func apply(_ record: ControlRecord, branch id: BranchID, lsn: LSN, time: Int64) {
    self.lsn = lsn
    switch record {
    case .fork(let child, let name, let isReadOnly, let sharesThrough):
      fork(id, child, name, isReadOnly: isReadOnly, sharesThrough: sharesThrough, lsn, time)
    case .create(let name, let domain, let root, let ends):
      insert(
        BranchEntry(
          id: id, name: name, domain: domain, flags: [], root: root,
          intervals: [Interval(writer: id, from: lsn, through: .open)], createdAt: time,
          deletedAt: 0, parent: BranchID(0), parentLSN: .zero))
      publish(ends)
    case .rename(let name):
      guard let old = branches[id]?.name else { return }
      branchIDs[old.nameKey] = nil
      branchIDs[name.nameKey] = id
      branches[id]?.name = name
    case .delete:
      guard let name = branches[id]?.name else { return }
      branchIDs[name.nameKey] = nil
      branches[id]?.flags.insert(.deleted)
      branches[id]?.deletedAt = time
    case .restore(let name):
      branches[id]?.flags.remove(.deleted)
      branches[id]?.deletedAt = 0
      branches[id]?.name = name
      branchIDs[name.nameKey] = id
    case .forget(let ids):
      for id in ids {
        leave(id)
        branches[id] = nil
        condemned[id] = nil
      }
    case .condemn(let condemnations, let isForGood):
      for condemnation in condemnations { condemn(condemnation, isForGood: isForGood) }
    case .reset(let source, let sharesThrough):
      reset(id, to: source, sharesThrough: sharesThrough, lsn)
    case .replace(let root, let ends, let isWhole):
      if let entry = branches[id] { branches[id]?.start = entry.start(replacedBy: root, isWhole) }
      setState(of: id, root, [Interval(writer: id, from: lsn, through: .open)])
      publish(ends)
    case .publish(let oldRoot, let intervals, let newRoot, let ends):
      publish(ends)
      for id in branches(on: oldRoot) { trim(id, intervals, newRoot) }
    case .moved(let victims, let hosts, let ends):
      move(victims, hosts, ends)
    case .unlinked(let ids):
      for id in ids { reclaimed[id] = nil }
    case .reserve(let next):
      nextVolume = max(nextVolume, next)
    case .annotate(let changes):
      branches[id]?.annotations.apply(changes)
    case .set(let key, let value):
      set(key, value)
    }
  }

  private mutating func set(_ key: SettingKey, _ value: [UInt8]?) {
    if let old = settings[key] { settingsByteCount -= Setting(key, old).byteCount }
    settings[key] = value
    if let value {
      settingsByteCount += Setting(key, value).byteCount
      noteDomain(key, value)
    }
  }

  private mutating func insert(_ entry: BranchEntry) {
    branches[entry.id] = entry
    noteSnapshot(entry)
    branchesByRoot[entry.root, default: []].insert(entry.id)
    branchIDs[entry.name.nameKey] = entry.id
    nextBranch = max(nextBranch, entry.id.rawValue + 1)
    noteUsed(entry.domain)
  }

  private mutating func noteSnapshot(_ entry: BranchEntry) {
    if entry.flags.contains(.readOnly) { snapshots[entry.parent, default: []].insert(entry.id) }
  }

  private mutating func condemn(_ condemnation: Condemnation, isForGood: Bool) {
    let id = condemnation.branch
    guard var entry = branches[id] else { return }
    leave(id)
    branches[id] = nil
    if branchIDs[entry.name.nameKey] == id { branchIDs[entry.name.nameKey] = nil }
    entry.condemn(condemnation, isForGood: isForGood)
    condemned[id] = entry
  }

  private mutating func leaveRoot(_ id: BranchID) {
    guard let root = branches[id]?.root else { return }
    branchesByRoot[root]?.remove(id)
    if branchesByRoot[root]?.isEmpty == true { branchesByRoot[root] = nil }
  }

  /// The entry is about to be no root any more.
  private mutating func leave(_ id: BranchID) {
    leaveRoot(id)
    guard let parent = branches[id]?.parent else { return }
    snapshots[parent]?.remove(id)
    if snapshots[parent]?.isEmpty == true { snapshots[parent] = nil }
  }

  private mutating func setState(of id: BranchID, _ root: Ref, _ intervals: [Interval]) {
    guard branches[id] != nil else { return }
    leaveRoot(id)
    branchesByRoot[root, default: []].insert(id)
    branches[id]?.root = root
    branches[id]?.intervals = intervals
  }

  private mutating func fork(
    _ parent: BranchID, _ child: BranchID, _ name: String, isReadOnly: Bool, sharesThrough: LSN,
    _ lsn: LSN, _ time: Int64
  ) {
    guard let source = branches[parent] else { return }
    let intervals = share(parent, with: child, sharesThrough: sharesThrough, lsn)
    insert(
      BranchEntry(
        id: child, name: name, domain: source.domain, flags: isReadOnly ? [.readOnly] : [],
        root: source.root,
        intervals: intervals, createdAt: time, deletedAt: 0, parent: parent, parentLSN: lsn,
        start: .start(of: source.root, intervals), annotations: source.annotations.inherited))
  }

  private mutating func reset(
    _ target: BranchID, to source: BranchID, sharesThrough: LSN, _ lsn: LSN
  ) {
    guard let entry = branches[source] else { return }
    let intervals = share(source, with: target, sharesThrough: sharesThrough, lsn)
    if let own = branches[target] {
      branches[target]?.start = own.start(resetTo: entry, intervals)
    }
    setState(of: target, entry.root, intervals)
    if let own = branches[target]?.annotations {
      branches[target]?.annotations = own.inheriting(from: entry.annotations)
    }
  }

  /// The intervals of a branch that takes the source's state: the source's, of the open one the
  /// part that holds writes (`.open`: up to this very record), and an open one of its own. The
  /// source's own list stays as it is: the closed part and what it writes later join.
  private func share(_ source: BranchID, with taker: BranchID, sharesThrough: LSN, _ lsn: LSN)
    -> [Interval]
  {
    guard var intervals = branches[source]?.intervals, let last = intervals.last else { return [] }
    precondition(last.through == .open, "a branch's last interval is its own open one")
    intervals.removeLast()
    let through = sharesThrough == .open ? lsn : sharesThrough
    if through > last.from {
      intervals.append(Interval(writer: last.writer, from: last.from, through: through))
    }
    intervals.append(Interval(writer: taker, from: lsn, through: .open))
    return intervals
  }

  /// The publish rule: a branch on the old root whose list begins with these intervals, the last
  /// of them perhaps as the start of a longer one, takes the new root and loses them. Every list
  /// begins with none: so a repair gives all branches on a root one of the same content.
  ///
  /// An open interval may begin earlier than the published one: a checkpoint that was never
  /// completed had raised its start over records that are not this branch's. Any other branch with
  /// a part of the writer's interval closed it before its start was raised.
  private mutating func trim(_ id: BranchID, _ published: [Interval], _ newRoot: Ref) {
    guard let entry = branches[id], entry.intervals.count >= published.count else { return }
    guard let last = published.last else {
      setState(of: id, newRoot, entry.intervals)
      return
    }
    for (mine, theirs) in zip(entry.intervals, published.dropLast()) where mine != theirs { return }
    let mine = entry.intervals[published.count - 1]
    guard mine.writer == last.writer, mine.through >= last.through,
      mine.from == last.from || (mine.through == .open && mine.from < last.from)
    else { return }
    var rest = Array(entry.intervals.dropFirst(published.count))
    if mine.through > last.through {
      rest.insert(
        Interval(writer: mine.writer, from: last.through, through: mine.through), at: 0)
    }
    branches[id]?.start = entry.start(after: published, newRoot, leaving: rest)
    setState(of: id, newRoot, rest)
  }

  /// A home without hosts is forgotten: no live frame bears its id.
  private mutating func move(
    _ victims: [SegmentID], _ homes: [RetiredSegment], _ ends: [SegmentEnd]
  ) {
    publish(ends)
    for victim in victims {
      guard var entry = segments.removeValue(forKey: victim) else { continue }
      entry.flags.insert(.reclaimed)
      reclaimed[victim] = entry
    }
    for home in homes {
      retired[home.id] = home.hosts.isEmpty ? nil : home
      for host in home.hosts { segments[host]?.flags.formUnion([.host, .closed]) }
    }
  }

  private mutating func publish(_ ends: [SegmentEnd]) {
    for end in ends {
      nextSegment = max(nextSegment, end.segment.rawValue + 1)
      noteUsed(end.domain)
      if let known = segments[end.segment], known.byteCount >= end.byteCount { continue }
      let known = segments[end.segment]
      segments[end.segment] = SegmentEntry(
        id: end.segment, domain: end.domain, flags: known?.flags ?? [], byteCount: end.byteCount,
        frameCount: end.frameCount, extensions: known?.extensions ?? Fields())
    }
  }

  /// Raises the start of an open interval that is all a branch has and holds no writes, so that it
  /// does not hold journal files. Done to the live state and the checkpoint alike. Returns whether
  /// the branch has just this interval.
  package mutating func skipEmptyInterval(of id: BranchID, from: LSN, to lsn: LSN) -> Bool {
    guard branches[id]?.intervals == [Interval(writer: id, from: from, through: .open)] else {
      return false
    }
    branches[id]?.intervals[0].from = lsn
    return true
  }

  /// Nothing will be appended to these segments any more. Done to the live state and the checkpoint
  /// alike.
  package mutating func noteClosed(_ ids: some Sequence<SegmentID>) {
    for id in ids { segments[id]?.flags.insert(.closed) }
  }

  /// The state now stands for everything up to `lsn`: no control record lies between.
  package mutating func noteCheckpoint(at lsn: LSN) {
    precondition(lsn >= self.lsn, "a checkpoint before its newest record")
    self.lsn = lsn
  }

  /// The LSN above which some interval may still need write records.
  package var oldestIntervalStart: LSN? {
    branches.values.compactMap { $0.intervals.first?.from }.min()
  }

  package func checkInvariants() {
    for (id, entry) in branches {
      precondition(entry.id == id, "a branch under another's id")
      precondition(id.rawValue < nextBranch, "a branch id that would be taken again")
      precondition(
        entry.domain.rawValue < nextDomain || nextDomain == .max,
        "a domain's number that would be taken again")
      precondition(branches(on: entry.root).contains(id), "a branch that its root does not find")
      if !entry.flags.contains(.deleted) {
        precondition(branchIDs[entry.name.nameKey] == id, "a branch that its name does not find")
      }
      precondition(entry.intervals.last?.through == .open, "a branch without an open interval")
      for (one, next) in zip(entry.intervals, entry.intervals.dropFirst()) {
        precondition(one.through != .open && one.from < one.through, "a closed interval is empty")
        precondition(one.through <= next.from, "a branch's intervals are in order")
      }
    }
    for (id, entry) in condemned {
      precondition(entry.id == id && branches[id] == nil, "a condemned branch that is there")
      precondition(entry.flags.isSuperset(of: [.deleted, .condemned]), "condemned, not marked so")
      precondition(entry.intervals.isEmpty, "a condemned branch that holds the journal")
    }
    precondition(
      branchesByRoot.values.reduce(0) { $0 + $1.count } == branches.count,
      "a root with a branch that left it")
    for id in segments.keys { precondition(id.rawValue < nextSegment, "a segment id in future") }
  }
}
