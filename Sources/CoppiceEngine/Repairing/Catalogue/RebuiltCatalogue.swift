internal import CoppiceFormat
internal import CoppicePlatform

/// A catalogue put together from what there is:
///
/// - bundle directories say which segments, frames and hosts there are;
/// - an older catalogue, and the control records that are left of the journal, say which branches
///   and snapshots there were, on which roots, and which of them were deleted or forgotten;
/// - notes, which seals and imports leave, say to which root a branch came later.
///
/// What nothing of that tells is not in it: writes that were not sealed; and, unless the older
/// catalogue or the journal has it, forks and snapshots that were never written to, and that a
/// branch was deleted. A branch that only a note tells of may therefore be one that was deleted, or
/// an import that had everything but its record when the power went.
struct RebuiltCatalogue {
  private let disk: any Disk
  private let inspector: StoreInspector
  private let uuid: StoreUUID
  private let older: Catalogue?
  private var found = Found()
  /// What was done, and what to think of it.
  private(set) var actions: [String] = []

  /// What the segments tell.
  private struct Found {
    var segments: [SegmentEntry] = []
    var hosts: [SegmentID: Set<SegmentID>] = [:]
    /// In order of their LSNs, and of their names where those are equal.
    var notes: [BranchID: [FoundNote]] = [:]
    var lastVolume: UInt64 = 1
    var retired: [RetiredSegment] = []
    /// Segments that are there, or whose frames are.
    var homes: Set<SegmentID> = []
  }

  /// A note, and the domain of the segment that it lies in, which is its branch's.
  private struct FoundNote {
    var note: NoteFrame
    var domain: DomainID
  }

  init(disk: any Disk, inspector: StoreInspector, uuid: StoreUUID, older: Catalogue?) {
    self.disk = disk
    self.inspector = inspector
    self.uuid = uuid
    self.older = older
  }

  /// What is missing from any catalogue that is put together, in words.
  static func limits(_ older: Catalogue?) -> String {
    guard let older else {
      return "what was not sealed, without snapshots and forks that were never written to, and "
        + "with deleted branches, but for what the journal still tells, and without all "
        + "annotations and settings"
    }
    return "what was not sealed, and as to deletions, and to snapshots and forks that were never "
      + "written to, as of record \(older.lsn.rawValue), but for what the journal still tells, and "
      + "without all annotations and settings"
  }

  mutating func make(time: Int64) throws(StoreError) -> Catalogue {
    try readSegments()
    var known = KnownBranches(older)
    let surviving = SurvivingRecords(disk: disk, uuid: uuid)
    var records: [RecoveredControlRecord] = []
    if let older { records = try surviving.following(older) }
    let reached = records.last?.lsn ?? older?.lsn ?? .zero
    records += try surviving.last().filter { $0.lsn > reached }
    for record in records {
      known.apply(record) { parent in
        // The parent's state when it was sealed last before.
        found.notes[parent]?.last { $0.note.lsn <= record.lsn }.flatMap { found in
          isThere(found.note.root) ? (found.note, found.domain) : nil
        }
      }
    }
    let lsn = max(
      known.state.lsn, found.notes.values.compactMap(\.last?.note.lsn).max() ?? .zero,
      try surviving.lastLSN()
    ).next
    let branches = branches(known, lsn: lsn)
    describe(records.count, branches.count)
    return Catalogue(
      lsn: lsn, time: time,
      nextBranch: max(
        known.state.nextBranch, (found.notes.keys.map(\.rawValue).max() ?? 0) + 1),
      // Numbers were set aside in blocks.
      nextVolume: max(known.state.nextVolume, found.lastVolume + 1 + VolumeNumberBlock.count),
      nextSegment: max(
        known.state.nextSegment,
        (found.segments.map(\.id.rawValue) + found.retired.map(\.id.rawValue)).max().map { $0 + 1 }
          ?? 1),
      // What segments and branches have is noted when it is opened.
      nextDomain: known.state.nextDomain,
      branches: branches + known.state.condemned.values.sorted { $0.id < $1.id },
      segments: found.segments, retired: found.retired, journalFiles: [],
      settings: [.repaired])
  }

  // MARK: Segments

  private mutating func readSegments() throws(StoreError) {
    var notes: [BranchID: [(name: FrameName, found: FoundNote)]] = [:]
    for id in try inspector.segments() {
      let inspection = try inspector.segment(id)
      guard let header = inspection.header else { continue }
      var entry = SegmentEntry(
        id: id, domain: header.domain, flags: [.closed],
        byteCount: UInt64(SegmentHeader.byteCount), frameCount: 0)
      let file = try inspector.open(id).segment
      for bundle in inspection.bundles {
        entry.byteCount = bundle.offset + UInt64(bundle.header.bundleByteCount)
        entry.frameCount += bundle.header.frameCount
        for frame in bundle.frames {
          found.lastVolume = max(found.lastVolume, frame.entry.volume.rawValue)
          if bundle.header.hasHomeNames { found.hosts[frame.name.segment, default: []].insert(id) }
          if frame.entry.form.kind == .note, let note = try Self.note(frame, file) {
            notes[note.branch, default: []].append(
              (frame.name, FoundNote(note: note, domain: header.domain)))
          }
        }
        if bundle.header.hasHomeNames { entry.flags.insert(.host) }
      }
      found.segments.append(entry)
    }
    found.notes = notes.mapValues { notes in
      notes.sorted { ($0.found.note.lsn, $0.name) < ($1.found.note.lsn, $1.name) }.map(\.found)
    }
    let present = Set(found.segments.map(\.id))
    found.homes = present.union(found.hosts.keys)
    found.retired = found.hosts.filter { !present.contains($0.key) }
      .sorted { $0.key < $1.key }
      .map { RetiredSegment(id: $0.key, hosts: $0.value.sorted()) }
  }

  private static func note(_ frame: FrameInspection, _ file: SegmentHandle)
    throws(StoreError) -> NoteFrame?
  {
    // A note that is damaged says nothing.
    let bytes = try readable(
      file.bytes(at: UInt64(frame.locator.offset), count: frame.locator.storedByteCount))
    return bytes.flatMap { try? NoteFrame.decode($0.span.bytes) }
  }

  /// Whether the root's segment is not gone.
  private func isThere(_ root: Ref) -> Bool {
    root.isHole || found.homes.contains(root.locator.name.segment)
  }

  // MARK: Branches

  private mutating func branches(_ known: KnownBranches, lsn: LSN) -> [BranchEntry] {
    var entries: [BranchEntry] = []
    var lost: [String] = []
    var uncertain: [String] = []
    for entry in known.state.branches.values {
      if let newer = newest(entry, known) { entries.append(newer) } else { lost.append(entry.name) }
    }
    for (id, notes) in found.notes where known.state.branches[id] == nil && !known.isGone(id) {
      guard let note = notes.last?.note, let domain = notes.last?.domain, isThere(note.root) else {
        continue
      }
      uncertain.append(note.name)
      entries.append(
        BranchEntry(
          id: id, name: note.name, domain: domain,
          flags: note.name.utf8.contains(UInt8(ascii: "@")) ? [.readOnly] : [], root: note.root,
          createdAt: note.time))
    }
    var names: Set<[UInt8]> = []
    entries.sort { $0.id < $1.id }
    for index in entries.indices {
      let id = entries[index].id
      entries[index].annotations = Fields()
      entries[index].intervals = [Interval(writer: id, from: lsn, through: .open)]
      if entries[index].flags.contains(.deleted) { continue }
      if !names.insert(entries[index].name.nameKey).inserted {
        entries[index].name = "\(id.rawValue)-\(entries[index].name)"
      }
    }
    note("these may have been deleted before", uncertain)
    note("their data is gone, and they were left out", lost)
    return entries
  }

  /// The entry with the newest root that is known for it and there.
  private func newest(_ entry: BranchEntry, _ known: KnownBranches) -> BranchEntry? {
    var entry = entry
    let sealed = known.sealedThrough[entry.id] ?? .zero
    let newer = found.notes[entry.id]?.last { $0.note.lsn > sealed && isThere($0.note.root) }?.note
    if let newer {
      entry.root = newer.root
      if newer.lsn > known.namedAt[entry.id] ?? .zero { entry.name = newer.name }
    }
    return isThere(entry.root) ? entry : nil
  }

  private mutating func note(_ what: String, _ names: [String]) {
    if names.isEmpty { return }
    actions.append("\(what): \(names.sorted().joined(separator: ", "))")
  }

  private mutating func describe(_ recordCount: Int, _ branchCount: Int) {
    var sources = ["\(found.segments.count) segments"]
    if let older { sources.append("the catalogue of record \(older.lsn.rawValue)") }
    if recordCount > 0 { sources.append("\(recordCount) records of the journal") }
    actions.insert(
      "it was put together from \(sources.joined(separator: ", ")); "
        + "\(branchCount) branches were found. It is without \(Self.limits(older))", at: 0)
  }
}
