internal import CoppiceFormat
internal import CoppicePlatform

/// Gives a store with a damaged catalogue one that it opens with: the damaged one, if changing one
/// bit makes its checksum hold; else the one before, if the journal leads on from it without a gap;
/// else, when a loss is accepted, one that is put together from what there is (`RebuiltCatalogue`).
struct CatalogueRepair {
  let disk: any Disk
  let clock: any StoreClock
  let superblock: Superblock

  func run(_ repair: RepairOptions, _ saved: inout SavedFiles, _ report: inout RepairReport)
    throws(StoreError)
  {
    let inspector = StoreInspector(disk: disk)
    let files = try inspector.catalogues()
    for file in files {
      guard case .failure(let error) = file.content, error.isUnsupported else { continue }
      throw StoreError(error, in: file.file)
    }
    if let newest = files.first, (try? newest.content.get()) != nil {
      return try removeDamaged(files.dropFirst(), &saved, &report)
    }
    // Nobody else has it open, and nobody may.
    let lock = try disk.lockStore(exclusively: true)
    defer { withExtendedLifetime(lock) {} }
    if let newest = files.first, try correctOneBit(newest.file, &saved, &report) { return }
    for file in files where (try? file.content.get()) == nil {
      if let older = try usableCatalogue(files) {
        try remove(file.file, &saved)
        report.steps.append(
          RepairReport.Step(
            object: file.file,
            action: "\(older) took its place, with every record that the journal has since"))
        return
      }
    }
    let older = files.compactMap { try? $0.content.get() }.first
    guard repair.acceptsLoss else {
      throw StoreError(
        .corrupt,
        "the catalogue is lost. One can be put together, without \(RebuiltCatalogue.limits(older))",
        object: files.first?.file ?? "catalogue",
        remedy: "restore the file from a copy of the store, or use \(step: .repairAcceptingLoss)")
    }
    try putTogether(files, older, &saved, &report)
  }

  /// Older catalogues are kept for repair only, and a damaged one is of no use for that.
  private func removeDamaged(
    _ older: ArraySlice<StoreInspector.CatalogueInspection>, _ saved: inout SavedFiles,
    _ report: inout RepairReport
  ) throws(StoreError) {
    let damaged = older.filter { (try? $0.content.get()) == nil }
    if damaged.isEmpty { return }
    let lock = try disk.lockStore(exclusively: true)
    defer { withExtendedLifetime(lock) {} }
    for file in damaged {
      try remove(file.file, &saved)
      report.steps.append(
        RepairReport.Step(object: file.file, action: "it was removed; the newer one is whole"))
    }
  }

  private func putTogether(
    _ files: [StoreInspector.CatalogueInspection], _ older: Catalogue?, _ saved: inout SavedFiles,
    _ report: inout RepairReport
  ) throws(StoreError) {
    let inspector = StoreInspector(disk: disk)
    var rebuilt = RebuiltCatalogue(
      disk: disk, inspector: inspector, uuid: superblock.uuid, older: older)
    let catalogue = try rebuilt.make(time: clock.wallNanoseconds())
    for file in files { try saved.save(file.file) }
    try saveJournal(&saved)
    // Its LSN is past all that the journal holds, which therefore counts no more.
    do throws(SystemError) {
      let number = (files.compactMap { CatalogueFile.number(of: $0.file) }.max() ?? 0) + 1
      try CatalogueFile.write(catalogue.encode(), number: number, to: disk)
    } catch {
      throw StoreError(error, while: "writing a catalogue")
    }
    for file in try inspector.catalogues() where (try? file.content.get()) == nil {
      try remove(file.file, &saved)
    }
    try replaceJournal(&saved)
    report.steps += rebuilt.actions.map { RepairReport.Step(object: "catalogue", action: $0) }
  }

  private func correctOneBit(
    _ name: String, _ saved: inout SavedFiles, _ report: inout RepairReport
  ) throws(StoreError) -> Bool {
    let bytes = try StoreInspector(disk: disk).contents(of: name)
    guard let number = CatalogueFile.number(of: name),
      let corrected = Catalogue.correctingOneBit(of: bytes.span.bytes),
      (try? Catalogue.decode(corrected.span.bytes)) != nil
    else { return false }
    try saved.save(name)
    do throws(SystemError) {
      try CatalogueFile.write(corrected, number: number + 1, to: disk)
    } catch {
      throw StoreError(error, while: "writing a catalogue")
    }
    try remove(name, &saved)
    report.steps.append(RepairReport.Step(object: name, action: "a bit in it was flipped back"))
    return true
  }

  /// An older catalogue that the journal leads on from without a gap, up to the damaged one. `nil`
  /// also when that one does not say where it stood: a journal that was closed is empty, and has no
  /// gap.
  private func usableCatalogue(_ files: [StoreInspector.CatalogueInspection]) throws(StoreError)
    -> String?
  {
    guard let newest = files.first else { return nil }
    let bytes = try StoreInspector(disk: disk).contents(of: newest.file)
    guard let damaged = Catalogue.likelyLSN(of: bytes.span.bytes), damaged > .zero else {
      return nil
    }
    for file in files {
      guard let catalogue = try? file.content.get(), catalogue.lsn <= damaged else { continue }
      let recovery = JournalRecovery(
        disk: disk, uuid: superblock.uuid, catalogue: catalogue, isReadOnly: true)
      // Records that are missing since then make it useless.
      if let end = try readable(recovery.run().endLSN), end >= damaged { return file.file }
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

  private func saveJournal(_ saved: inout SavedFiles) throws(StoreError) {
    for name in try StoreInspector(disk: disk).list(Journal.directory) {
      try saved.save("\(Journal.directory)/\(name)")
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
