internal import CoppiceEngine
internal import CoppiceFormat
internal import CoppicePlatform
internal import Glibc
internal import TestSupport

/// A store on a simulated disk beside a model of what it should hold.
///
/// The engine runs without threads: every step happens when the simulation says so, and a run is a
/// function of its seeds. Operations may fail only while faults are asked for.
final class Simulation {
  let disk: SimulatedDisk
  let clock = SimulatedClock()
  let options: EngineOptions
  /// `nil` while the store is not open.
  private(set) var engine: Engine?
  private(set) var history: ModelHistory
  /// Operations so far, for messages.
  private(set) var log: [Operation] = []
  /// Pages that were ever written: the only ones that can differ from zero.
  var touched: [VolumeNumber: Set<UInt64>] = [:]
  /// Called at every step of a collection.
  var duringCollection: (CollectionStep) -> Void = { _ in }
  /// Whether faults were asked for, so that operations may fail.
  var mayFail = false
  private let isTracing = getenv("TRACE") != nil

  static let options: EngineOptions = {
    var options = EngineOptions()
    options.pageByteCount = ModelVolume.pageByteCount
    options.usesThreads = false
    options.workerCount = 0
    options.overlayByteCountMax = 16 << 20
    options.pageCacheByteCount = 1 << 20
    options.nodeCacheByteCount = 1 << 20
    options.windowByteCount = 1 << 16
    options.directoryCacheByteCount = 1 << 16
    options.journalByteCountMax = 16 << 20
    options.collection.deadByteCountMin = 16 << 10
    options.collection.restoreWindow = 50_000_000
    return options
  }()

  /// A new store with the branch `main`, number 1.
  init(seed: UInt64, options: EngineOptions = Simulation.options) throws {
    self.options = options
    disk = SimulatedDisk(seed: seed)
    history = ModelHistory(ModelState(), at: .zero)
    var generator = SplitMix64(seed: seed)
    try Engine.create(disk: disk, clock: clock, options: options) { generator.bytes($0) }
    engine = try Engine.open(disk: disk, clock: clock, options: options)
    try perform(.create(name: "main"))
  }

  /// A store that is opened from a disk as another simulation left it.
  init(opening disk: SimulatedDisk, of other: Simulation) {
    self.disk = disk
    options = other.options
    history = other.history
    touched = other.touched
    log = other.log
  }

  var state: ModelState { history.state }

  func failure(_ message: String) -> SimulationFailure {
    SimulationFailure(message: message, step: log.count, lastOperations: log.suffix(40))
  }

  /// Does one operation with the store and with the model. Throws `SimulationFailure` when the two
  /// disagree.
  func perform(_ operation: Operation) throws {
    // Without power there is no process that could do anything.
    if disk.isPoweredOff, !operation.isPowerCut { return }
    log.append(operation)
    if isTracing { print("\(log.count): \(operation)") }
    clock.advance(byNanoseconds: 1_000_003)
    switch operation {
    case .powerCut(let seed): try powerCut(seed: seed)
    case .kill: try kill()
    case .closeAndOpen: try closeAndOpen()
    case .failSync(let prefix, let passing):
      inject(DiskFault(.sync, namePrefix: prefix, passing: passing, code: EIO))
    case .failWrite(let prefix, let passing):
      inject(DiskFault(.write, namePrefix: prefix, passing: passing, code: EIO))
    case .limitDisk(let count):
      mayFail = true
      disk.capacity = disk.usedByteCount + count
    case .unlimitDisk: disk.capacity = .max
    case .readSome(let seed): try readSome(seed: seed)
    default: try change(operation)
    }
    // A failed journal leaves RAM behind the catalogue; nobody acts on either any more.
    if let engine, !engine.journal.isPoisoned { engine.checkInvariants() }
  }

  private func inject(_ fault: DiskFault) {
    mayFail = true
    disk.inject(fault)
  }

  /// From that disk operation on nothing works until the next `powerCut`.
  func cutPower(beforeOperation number: Int) {
    mayFail = true
    disk.powerOff(beforeOperation: number)
  }

  // MARK: Changes

  private func change(_ operation: Operation) throws {
    guard let engine else { throw failure("the store is not open") }
    let before = engine.journal.lastLSN
    do {
      let (lsn, child) = try apply(operation, to: engine)
      let time = clock.wallNanoseconds()
      history.record(state.after(operation, child: child, time: time), at: lsn)
      noteForgotten()
    } catch let error as StoreError {
      try noteError(error, operation, before, engine)
    }
    history.acknowledge(engine.journal.durableLSN)
  }

  /// Returns the LSN from which on the new state holds.
  private func apply(_ operation: Operation, to engine: Engine) throws -> (LSN, child: BranchID?) {
    var child: BranchID?
    switch operation {
    case .commit(let id, let changes):
      note(changes)
      return (try branch(id).commit(transaction(changes)), nil)
    case .flush(let id):
      try branch(id).flush(through: engine.journal.lastLSN)
      history.acknowledge(engine.journal.lastLSN)
    case .fork(let source, let name, let isReadOnly):
      child = try engine.branches.fork(
        try branch(source), named: name, isReadOnly: isReadOnly,
        annotations: Operation.annotations(of: name)
      ).id
    case .create(let name, let domain):
      child = try engine.branches.create(
        named: name, domain: domain, annotations: Operation.annotations(of: name)
      ).id
    case .rename(let id, let name): try engine.branches.rename([(try branch(id), name)])
    case .delete(let id): try engine.branches.delete([try branch(id)])
    case .deleteForGood(let id): return (try deleteForGood(id, in: engine), nil)
    case .restore(let id, let name): _ = try engine.branches.restore(id, named: name)
    case .reset(let id, let source):
      try engine.branches.reset(try branch(id), to: try branch(source), keepingOldAs: nil)
    case .annotate(let id, let tag, let value):
      try engine.branches.annotate(try branch(id), [FieldChange(tag, value)])
    case .set(let key, let value): try engine.branches.set(key, to: value)
    case .sealStep: try engine.sealer.sealStep(.pressure)
    case .sealAll: try engine.sealer.sealAll()
    case .checkpoint: try engine.checkpointer.write()
    case .collectGarbage(let isFull):
      var options = CollectionOptions()
      options.isFull = isFull
      _ = try engine.collector.collectGarbage(options, announce: duringCollection)
    case .collectYoungGarbage:
      var options = CollectionOptions()
      options.isYoung = true
      _ = try engine.collector.collectGarbage(options, announce: duringCollection)
    case .collectAutomatically: _ = try engine.collector.collectAutomatically()
    case .importNew(let name, let seed, let domain):
      child = try importNew(name, seed: seed, domain, to: engine)
    case .importReplacing(let id, let seed): try importReplacing(id, seed: seed, in: engine)
    case .share(let source, let volume, let pages, let target, let other, let page):
      return (try share(source, volume, pages, target, other, page), nil)
    case .witness: _ = try engine.journal.writeWitness(ifFlushedBefore: .max)
    default: preconditionFailure("not a change")
    }
    let lsn = engine.journal.lastLSN
    if operation.isAcknowledged { history.acknowledge(lsn) }
    return (lsn, child)
  }

  /// The branch is gone also when the collection that follows fails.
  private func deleteForGood(_ id: BranchID, in engine: Engine) throws -> LSN {
    do throws(StoreError) {
      _ = try engine.collector.deleteForGood([try branch(id)])
    } catch {
      guard engine.branches.with(id) == nil, !engine.journal.isPoisoned, mayFail else {
        throw error
      }
    }
    let lsn = engine.journal.durableLSN
    history.acknowledge(lsn)
    return lsn
  }

  private func transaction(_ changes: [VolumeChange]) -> Transaction {
    var transaction = Transaction(time: clock.wallNanoseconds())
    for change in changes {
      switch change {
      case .write(let volume, let offset, let count, let seed):
        Workload.bytes(count, seed: seed).withUnsafeBytes {
          transaction.write(volume, at: offset, $0)
        }
      case .hole(let volume, let offset, let count):
        transaction.hole(volume, at: offset, byteCount: count)
      case .resize(let volume, let count): transaction.resize(volume, to: count)
      case .drop(let volume): transaction.drop(volume)
      }
    }
    return transaction
  }

  private func note(_ changes: [VolumeChange]) {
    let size = UInt64(ModelVolume.pageByteCount)
    for case .write(let volume, let offset, let count, _) in changes {
      touched[volume, default: []].formUnion(
        offset / size...(offset + UInt64(max(count, 1)) - 1) / size)
    }
  }

  /// Deleted branches that a collection has forgotten cannot be restored any more.
  func noteForgotten() {
    guard let engine else { return }
    let known = Set(engine.branches.entries().map(\.id))
    var state = history.state
    for id in state.deleted where !known.contains(id) { state.branches[id] = nil }
    if state != history.state { history.record(state, at: engine.journal.lastLSN) }
  }

  private func noteError(
    _ error: StoreError, _ operation: Operation, _ before: LSN, _ engine: Engine
  ) throws {
    guard mayFail else { throw failure("\(operation) failed: \(error)") }
    switch error.kind {
    case .full, .unavailable: break
    case .conflict,
      .notFound where history.inDoubt != nil:
      break
    default: throw failure("\(operation) failed: \(error)")
    }
    let isInDoubt = operation.isAcknowledged && engine.journal.lastLSN > before
    guard isInDoubt, history.inDoubt == nil else { return }
    history.recordInDoubt(operation, after: before, time: clock.wallNanoseconds())
  }

  func branch(_ id: BranchID) throws(StoreError) -> EngineBranch {
    if let branch = engine?.branches.with(id) { return branch }
    // Whether it was deleted for good may be in doubt.
    precondition(history.inDoubt != nil, "branch \(id.rawValue) is not there, step \(log.count)")
    throw StoreError(.notFound, "branch \(id.rawValue) is gone")
  }

  // MARK: Ends of processes

  private func powerCut(seed: UInt64) throws {
    engine?.abandon()
    engine = nil
    disk.crash(seed: seed)
    try open()
  }

  private func kill() throws {
    engine?.abandon()
    engine = nil
    disk.kill()
    try open()
  }

  private func closeAndOpen() throws {
    do {
      try engine?.close()
    } catch {
      if !mayFail { throw failure("closing failed: \(error)") }
    }
    engine = nil
    disk.kill()
    try open()
  }

  /// Opens the store and checks all of it: it holds what the journal held up to some LSN that is no
  /// older than the last acknowledged one. Ends all faults.
  func open() throws {
    disk.clearFaults()
    disk.capacity = .max
    mayFail = false
    let engine: Engine
    do {
      engine = try Engine.open(disk: disk, clock: clock, options: options)
    } catch {
      throw failure("opening failed: \(error)")
    }
    self.engine = engine
    let lsn = engine.recoveredLSN
    guard lsn >= history.watermark else {
      throw failure(
        "the journal ends at \(lsn.rawValue), \(history.watermark.rawValue) was acknowledged")
    }
    let found = try actualState()
    var expected = history.state(at: lsn)
    if let inDoubt = history.inDoubt, lsn > inDoubt.after,
      expected.difference(from: found) != nil
    {
      let child = inDoubt.operation.newName.flatMap(found.branch(named:))
      expected = expected.after(inDoubt.operation, child: child, time: inDoubt.time)
    }
    if let difference = expected.difference(from: found) {
      throw failure("after opening at \(lsn.rawValue) \(difference)")
    }
    for id in expected.deleted where found.branches[id] == nil { expected.branches[id] = nil }
    history = ModelHistory(expected, at: engine.journal.durableLSN)
  }
}

extension Operation {
  /// Whether the operation is durable when it returns.
  var isAcknowledged: Bool {
    switch self {
    case .fork, .create, .rename, .delete, .deleteForGood, .restore, .reset, .flush, .importNew,
      .importReplacing, .annotate, .set:
      true
    default: false
    }
  }

  var isPowerCut: Bool {
    if case .powerCut = self { true } else { false }
  }

  /// The name of the branch that the operation makes.
  var newName: String? {
    switch self {
    case .fork(_, let name, _), .create(let name, _), .importNew(let name, _, _): name
    default: nil
    }
  }
}
