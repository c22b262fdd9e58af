internal import CoppiceFormat
internal import CoppicePlatform

/// Gives a store with a damaged catalogue one that it opens with.
struct CatalogueRepair {
  let disk: any Disk
  let clock: any StoreClock

  func run(_ repair: RepairOptions, _ saved: inout SavedFiles, _ report: inout RepairReport)
    throws(StoreError)
  {
    let inspector = StoreInspector(disk: disk)
    let files = try inspector.catalogues()
    if let newest = files.first, (try? newest.content.get()) != nil { return }
    let superblock = try Self.superblock(inspector)
    // Nobody else has it open, and nobody may.
    let lock: any DiskLock
    do throws(SystemError) { lock = try disk.lock(exclusively: true) } catch {
      throw StoreError(error, while: "locking the store")
    }
    defer { withExtendedLifetime(lock) {} }
    for file in files where (try? file.content.get()) == nil {
      if let older = try usableCatalogue(files, superblock) {
        try remove(file.file, &saved)
        report.steps.append(
          RepairReport.Step(
            object: file.file,
            action: "\(older) took its place, with every record that the journal has since"))
        return
      }
    }
    guard repair.acceptsLoss else {
      throw StoreError(
        .corrupt,
        "the catalogue is lost. One can be put together from the segments: without what was not "
          + "sealed, without snapshots and forks that were never written to, and with deleted "
          + "branches", object: files.first?.file ?? "catalogue",
        remedy: "restore the file from a copy of the store, or repair with --accept-loss")
    }
    let rebuilt = try RebuiltCatalogue(disk: disk, inspector: inspector).make(
      time: clock.wallNanoseconds())
    for file in files { try remove(file.file, &saved) }
    try replaceJournal(&saved)
    do throws(SystemError) {
      let number = (files.compactMap { Engine.catalogueNumber(ofFile: $0.file) }.max() ?? 0) + 1
      try Engine.write(rebuilt.encode(), number: number, to: disk)
    } catch {
      throw StoreError(error, while: "writing a catalogue")
    }
    report.steps.append(
      RepairReport.Step(
        object: "catalogue",
        action: "it was put together from \(rebuilt.segments.count) segments; "
          + "\(rebuilt.branches.count) branches were found"))
  }

  static func superblock(_ inspector: StoreInspector) throws(StoreError) -> Superblock {
    for copy in try inspector.superblock().copies {
      if let whole = try? copy.get() { return whole }
    }
    throw StoreError(
      .corrupt, "both copies of the superblock are damaged, and without it nothing can be read",
      object: Engine.superblockName, remedy: "restore the file from a copy of the store")
  }

  /// An older catalogue that the journal leads on from without a gap.
  private func usableCatalogue(
    _ files: [StoreInspector.CatalogueInspection], _ superblock: Superblock
  ) throws(StoreError) -> String? {
    for file in files {
      guard let catalogue = try? file.content.get() else { continue }
      let recovery = JournalRecovery(
        disk: disk, uuid: superblock.uuid, catalogue: catalogue, isReadOnly: true)
      // Records that are missing since then make it useless.
      if (try? recovery.run()) != nil { return file.file }
    }
    return nil
  }

  private func remove(_ name: String, _ saved: inout SavedFiles) throws(StoreError) {
    try saved.save(name)
    do throws(SystemError) {
      try disk.remove(name)
      try disk.syncDirectory("")
    } catch {
      throw StoreError(error, while: "removing \(name)")
    }
  }

  /// Records without a catalogue lead nowhere.
  private func replaceJournal(_ saved: inout SavedFiles) throws(StoreError) {
    for name in try StoreInspector(disk: disk).list(Journal.directory) {
      try remove("\(Journal.directory)/\(name)", &saved)
    }
    do throws(SystemError) { try Engine.makeControlFiles(disk) } catch {
      throw StoreError(error, while: "making journal files")
    }
  }
}

/// A catalogue as the segments tell it: bundles say which frames there are, notes which branches.
private struct RebuiltCatalogue {
  let disk: any Disk
  let inspector: StoreInspector

  func make(time: Int64) throws(StoreError) -> Catalogue {
    var notes: [BranchID: NoteFrame] = [:]
    var segments: [SegmentEntry] = []
    var hosts: [SegmentID: Set<SegmentID>] = [:]
    var lastVolume: UInt64 = 1
    for id in try inspector.segments() {
      let inspection = try inspector.segment(id)
      guard let header = inspection.header else { continue }
      var entry = SegmentEntry(
        id: id, domain: header.domain, flags: [.closed],
        byteCount: UInt64(SegmentHeader.byteCount), frameCount: 0)
      let file = try inspector.open(inspection.file).file
      for bundle in inspection.bundles {
        entry.byteCount = bundle.offset + UInt64(bundle.header.bundleByteCount)
        entry.frameCount += bundle.header.frameCount
        for frame in bundle.frames {
          lastVolume = max(lastVolume, frame.entry.volume.rawValue)
          if bundle.header.hasHomeNames { hosts[frame.name.segment, default: []].insert(id) }
          if frame.entry.form.kind == .note, let note = Self.note(frame, file) {
            if note.lsn >= notes[note.branch]?.lsn ?? .zero { notes[note.branch] = note }
          }
        }
        if bundle.header.hasHomeNames { entry.flags.insert(.host) }
      }
      segments.append(entry)
    }
    let present = Set(segments.map(\.id))
    let domains = Dictionary(uniqueKeysWithValues: segments.map { ($0.id, $0.domain) })
    let retired = hosts.filter { !present.contains($0.key) }.sorted { $0.key < $1.key }.map {
      RetiredSegment(id: $0.key, hosts: $0.value.sorted())
    }
    let lsn = LSN((notes.values.map(\.lsn.rawValue).max() ?? 0) + 1)
    var names: Set<String> = []
    let branches = notes.values.sorted { $0.branch < $1.branch }.compactMap { note in
      entry(note, lsn, &names) { segment in
        domains[segment] ?? retired.first { $0.id == segment }?.hosts.first.flatMap { domains[$0] }
      }
    }
    return Catalogue(
      lsn: lsn, time: time,
      nextBranch: (notes.keys.map(\.rawValue).max() ?? 0) + 1,
      // Numbers were set aside in blocks.
      nextVolume: lastVolume + 1 + VolumeNumberBlock.count,
      nextSegment: (segments.map(\.id.rawValue) + retired.map(\.id.rawValue)).max().map { $0 + 1 }
        ?? 1,
      branches: branches, segments: segments, retired: retired, journalFiles: [])
  }

  private static func note(_ frame: StoreInspector.FrameInspection, _ file: any DiskFile)
    -> NoteFrame?
  {
    // A note that cannot be read says nothing.
    let bytes = try? StoreInspector.bytes(
      of: file, at: UInt64(frame.locator.offset), count: frame.locator.storedByteCount)
    return bytes.flatMap { try? NoteFrame.decode($0.span.bytes) }
  }

  /// `nil` when the root's segment is gone.
  private func entry(
    _ note: NoteFrame, _ lsn: LSN, _ names: inout Set<String>,
    domain: (SegmentID) -> DomainID?
  ) -> BranchEntry? {
    guard note.root.isHole || domain(note.root.locator.name.segment) != nil else { return nil }
    let name = names.insert(note.name).inserted ? note.name : "\(note.branch.rawValue)-\(note.name)"
    let isSnapshot = note.name.contains("@")
    return BranchEntry(
      id: note.branch, name: name,
      domain: domain(note.root.locator.name.segment) ?? .standard,
      flags: isSnapshot ? [.readOnly] : [], root: note.root,
      intervals: [Interval(writer: note.branch, from: lsn, through: .open)],
      createdAt: note.time, deletedAt: 0, parent: BranchID(0), parentLSN: .zero)
  }
}
