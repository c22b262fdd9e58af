internal import CoppiceFormat
package import CoppicePlatform
internal import Synchronization

extension Engine {
  // MARK: Creating

  /// Makes a new, empty store on the disk's directory and closes it again.
  ///
  /// - Parameter random: yields random bytes for the store's identity and hash secret.
  package static func create(
    disk: any Disk, clock: any StoreClock, options: EngineOptions,
    random: (Int) -> [UInt8]
  ) throws(StoreError) {
    let pageByteCount = options.pageByteCount
    guard pageByteCount.nonzeroBitCount == 1,
      Superblock.pageShifts.contains(UInt8(pageByteCount.trailingZeroBitCount))
    else {
      throw StoreError(
        .invalid, "a page of \(pageByteCount) bytes is not possible",
        remedy: "choose a power of two from 4096 to 65536")
    }
    // Whoever has a store that is there need not be waited for.
    try checkEmpty(disk)
    let identity = random(16).withUnsafeBytes {
      ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    }
    let superblock = Superblock(
      uuid: StoreUUID(low: identity.0, high: identity.1),
      pageShift: UInt8(pageByteCount.trailingZeroBitCount),
      secret: random(HashSecret.byteCount))
    let lock: any DiskLock
    do throws(SystemError) { lock = try disk.lock(exclusively: true) } catch {
      throw StoreError(error, while: "creating a store")
    }
    try checkEmpty(disk)
    try makeFiles(disk, superblock, time: clock.wallNanoseconds())
    withExtendedLifetime(lock) {}
  }

  private static func makeFiles(
    _ disk: any Disk, _ superblock: Superblock, time: Int64
  ) throws(StoreError) {
    do throws(SystemError) {
      try disk.makeDirectory(Journal.directory)
      try disk.makeDirectory(SegmentStore.folder)
      try makeControlFiles(disk)
      let empty = Catalogue(
        lsn: .zero, time: time, nextBranch: 1, nextVolume: 2, nextSegment: 1,
        branches: [], segments: [], retired: [], journalFiles: [])
      try CatalogueFile.write(empty.encode(), number: 1, to: disk)
      // The superblock comes last: without it there is no store.
      let file = try disk.open(SuperblockFile.name, .create)
      try file.write(superblock.encode(), at: 0)
      try file.sync()
      try disk.syncDirectory("")
    } catch {
      throw StoreError(error, while: "creating a store")
    }
  }

  private static func checkEmpty(_ disk: any Disk) throws(StoreError) {
    let names: [String]
    do throws(SystemError) { names = try disk.list("") } catch {
      throw StoreError(error, while: "creating a store")
    }
    if names.contains(SuperblockFile.name) {
      throw StoreError(
        .conflict, "there is a store already",
        remedy: "use it, or choose another directory")
    }
    guard names.allSatisfy({ $0 == "lock" }) else {
      throw StoreError(
        .conflict, "the directory is not empty", remedy: "choose another directory")
    }
  }

  static func makeControlFiles(_ disk: any Disk) throws(SystemError) {
    for index in 0..<JournalLimits.controlFileCount {
      _ = try Journal.makeFile(
        disk, "\(Journal.directory)/\(JournalRecovery.controlPrefix)\(index)",
        byteCount: JournalLimits.controlFileByteCount, isControl: true)
    }
  }

  // MARK: Opening

  /// Opens a store and recovers it: afterwards the state is the journal's up to some LSN at or past
  /// the last acknowledged flush.
  ///
  /// With `options.isReadOnly` nothing is written, and other readers may open it too.
  package static func open(disk: any Disk, clock: any StoreClock, options: EngineOptions)
    throws(StoreError) -> Engine
  {
    try open(disk: disk, clock: clock, options: options, OpeningSteps())
  }

  /// As above, with steps of repair between its own.
  static func open(
    disk: any Disk, clock: any StoreClock, options: EngineOptions, _ steps: OpeningSteps
  ) throws(StoreError) -> Engine {
    let superblock = try readSuperblock(disk, isReadOnly: options.isReadOnly)
    let lock = try disk.lockStore(exclusively: !options.isReadOnly)
    let (checkpoint, number) = try readCatalogue(disk, isReadOnly: options.isReadOnly)
    if !options.isReadOnly, let tag = checkpoint.unknownCriticalTags.first {
      throw StoreError(
        .unsupportedFormat, "the store uses features that this version cannot write",
        object: CatalogueFile.name(number), remedy: "open it read-only, or with a later version",
        cause: "field \(tag.rawValue)")
    }
    let journal = try JournalRecovery(
      disk: disk, uuid: superblock.uuid, catalogue: checkpoint, isReadOnly: options.isReadOnly,
      acceptsLoss: steps.acceptsLoss
    ).run()
    var catalogue = CatalogueState(checkpoint)
    for entry in journal.controlRecords {
      catalogue.apply(entry.record, branch: entry.branch, lsn: entry.lsn, time: entry.time)
    }
    let opened = OpenedStore(
      disk: disk, clock: clock, lock: lock, superblock: superblock, catalogue: catalogue,
      catalogueNumber: number, journal: journal)
    let engine = try Engine(opened, options: options)
    if !options.isReadOnly { try removeUnpublished(engine.core.segmentStore, catalogue) }
    try engine.core.hints.load(from: disk)
    // Ids that were taken and never published are taken again.
    engine.core.hints.collection.withLock {
      $0.youngFrom = min($0.youngFrom, SegmentID(catalogue.nextSegment))
    }
    try steps.healRoots?(engine)
    try engine.recoverBranches(journal)
    engine.core.keeper.read { $0.takeUpAdded(engine.core.hints) }
    if !options.isReadOnly { engine.collector.takeUpCondemned() }
    if !options.isReadOnly { try engine.start(journal) }
    return engine
  }

  private static func readSuperblock(_ disk: any Disk, isReadOnly: Bool) throws(StoreError)
    -> Superblock
  {
    let bytes: [UInt8]
    do throws(SystemError) {
      bytes = try disk.contents(of: SuperblockFile.name)
    } catch {
      if error.isMissing {
        throw StoreError(
          .notFound, "there is no store here", remedy: "make one with \(step: .create)")
      }
      throw StoreError(error, while: "reading the superblock")
    }
    let superblock: Superblock
    do throws(FormatError) { superblock = try Superblock.decode(bytes.span.bytes) } catch {
      var failure = StoreError(error, in: SuperblockFile.name)
      if failure.kind == .corrupt { failure.remedy = SuperblockFile.remedy }
      throw failure
    }
    guard superblock.isWritable || isReadOnly else {
      throw StoreError(
        .unsupportedFormat, "the store uses features that this version cannot write",
        object: SuperblockFile.name, remedy: "open it read-only, or with a later version")
    }
    return superblock
  }

  static func readCatalogue(_ disk: any Disk, isReadOnly: Bool) throws(StoreError)
    -> (Catalogue, UInt64)
  {
    let newest: (number: UInt64, bytes: [UInt8])?
    do throws(SystemError) {
      let number = try disk.list("").compactMap(CatalogueFile.number).max()
      // A name that a killed process gave is made to last before anything relies on it.
      if !isReadOnly { try disk.syncDirectory("") }
      newest =
        if let number {
          (number, try disk.contents(of: CatalogueFile.name(number)))
        } else {
          nil
        }
    } catch {
      throw StoreError(error, while: "reading the catalogue")
    }
    guard let newest else {
      throw StoreError(
        .corrupt, "the store has no catalogue", object: CatalogueFile.prefix,
        remedy: "restore the file from a copy of the store, or use \(step: .repair)")
    }
    do throws(FormatError) {
      return (try Catalogue.decode(newest.bytes.span.bytes), newest.number)
    } catch {
      var failure = StoreError(error, in: CatalogueFile.name(newest.number))
      if failure.kind == .corrupt {
        failure.remedy = "restore the file from a copy of the store, or use \(step: .repair)"
      }
      throw failure
    }
  }

  /// Removes segment files that no publish ever named, which ids above all published ones prove.
  /// A file that is unknown otherwise means that something is wrong with the catalogue.
  private static func removeUnpublished(_ store: SegmentStore, _ catalogue: CatalogueState)
    throws(StoreError)
  {
    var unknown: SegmentID?
    do throws(SegmentError) {
      var unpublished: [SegmentID] = []
      for id in try store.list().ids
      where catalogue.segments[id] == nil && catalogue.reclaimed[id] == nil {
        if id.rawValue < catalogue.nextSegment,
          try store.find(id).byteCount() > UInt64(SegmentHeader.byteCount)
        {
          unknown = id
        } else {
          unpublished.append(id)
        }
      }
      try store.remove(unpublished)
    } catch {
      throw StoreError(error, while: "removing unpublished segments")
    }
    if let unknown {
      throw StoreError(
        .corrupt, "the catalogue does not know this segment", object: SegmentStore.path(unknown),
        remedy: "open the store read-only, and restore its catalogue from a copy")
    }
  }

  private func recoverBranches(_ journal: RecoveredJournal) throws(StoreError) {
    let catalogue = core.keeper.catalogue
    let states = try LayerRecovery(
      catalogue: catalogue, frames: core.frames, buffers: core.buffers, meter: core.meter
    ).run(journal)
    let hasLostVolumes = states.values.contains { state in
      (state.sealed.frozen.layers + [state.open]).contains { !$0.lostVolumes.isEmpty }
    }
    if hasLostVolumes { core.unsealable.noteLostVolumes() }
    var branches: [BranchID: EngineBranch] = [:]
    for (id, entry) in catalogue.branches {
      guard let state = states[id] else { continue }
      branches[id] = EngineBranch(
        entry, core, pressure, state: state, controlLSN: .zero)
    }
    core.keeper.change { $0.branches = branches }
  }

  /// Begins a new journal file, which ends the old ones where recovery did, and starts the threads.
  private func start(_ recovered: RecoveredJournal) throws(StoreError) {
    // Before anything that may give it up, or take it for missing.
    core.room.find()
    if core.room.isGivenUp { core.room.restoreReserve() }
    if !recovered.used.isEmpty { try checkpointer.writeUnlessFull() }
    // A crash may have come between a collection's record and the end of its unlinking.
    try collector.unlink(core.keeper.catalogue.reclaimed.keys.sorted())
    guard options.usesThreads else { return }
    core.room.restoreReserve()
    try maintenance.start(core, pressure) { [accounts] in accounts.measureDue() }
    try collector.start()
  }

  // MARK: Closing

  /// Seals everything, writes a checkpoint and gives the store up. When that fails, for lack of
  /// space say, nothing is lost: the next opening replays the journal.
  ///
  /// - Parameter byteCountMax: with more than that unsealed, it stays in the journal.
  package func close(sealingAtMost byteCountMax: Int = .max) throws(StoreError) {
    guard core.gate.isOpen else { return }
    if collector.hasUnfinishedDeletions.load(ordering: .relaxed) {
      // What cannot be finished now, the next opening goes on with.
      _ = try? collector.finishDeletions()
    }
    collector.thread.stop()
    maintenance.stop()
    defer { finishClosing(waiting: true) }
    if options.isReadOnly { return }
    try core.journal.flush(through: core.journal.lastLSN)
    if core.meter.byteCount <= byteCountMax { try sealer.sealForCollection() }
    try core.journal.endCurrentFile()
    try checkpointer.write()
    do throws(SystemError) { try core.journal.removeFreeFiles() } catch {
      throw StoreError(error, while: "removing free journal files")
    }
    if core.journal.heldByteCount == 0 {
      core.hints.collection.withLock { $0.noteErased(Set($0.forgotten.map(\.id))) }
      core.hints.save(to: disk)
    }
  }

  /// Gives the store up at once, as a killed process would; the next opening replays the journal.
  package func abandon() {
    collector.thread.stop()
    maintenance.stop()
    finishClosing(waiting: false)
  }

  /// - Parameter waiting: sees to it that no other thread touches a file once others may open the
  ///   store.
  private func finishClosing(waiting: Bool) {
    core.gate.close()
    core.relief.wakeAll()
    if waiting {
      collector.collecting.withLock {}
      sealer.sealing.withLock {}
      core.latch.withExclusive {}
      checkpointer.holdingBack {}
    }
    core.journal.end(waiting: waiting)
    core.gate.giveUpLock()
    core.keeper.change { $0.branches = [:] }
  }
}

/// What a repair does between the steps of opening.
struct OpeningSteps {
  /// Whether the store is opened without acknowledged records that are gone; else that is refused.
  var acceptsLoss = false
  /// Called when the catalogue is there, and before writes that are not sealed are laid over the
  /// branches' roots, for which those must be readable. There are no branches yet.
  var healRoots: ((Engine) throws(StoreError) -> Void)?
}
