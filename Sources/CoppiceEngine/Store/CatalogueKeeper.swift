internal import CoppiceFormat
internal import CoppicePlatform

/// Keeps what control records change: the catalogue, and what follows it in memory. It is seen and
/// changed in closures only, under one lock, in which records get their LSNs.
///
/// Inside a closure no call of the engine may ask the keeper again: the lock traps. Nothing waits
/// for a device there but an append that found the batch full.
final class CatalogueKeeper: @unchecked Sendable {
  private let monitor = Monitor()
  /// Not a stored property: a look would copy it, and seals look once for each page.
  private let kept: UnsafeMutablePointer<Kept>

  init(_ kept: consuming Kept) {
    self.kept = .allocate(capacity: 1)
    self.kept.initialize(to: kept)
  }

  deinit {
    kept.deinitialize(count: 1)
    kept.deallocate()
  }

  /// Looks; what is to be taken along is copied.
  func read<Result, Failure: Error>(
    _ body: (borrowing Kept) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    monitor.lock()
    defer { monitor.unlock() }
    return try body(kept.pointee)
  }

  /// Looks, records and changes, as one step to all others.
  func change<Result, Failure: Error>(
    _ body: (inout Kept) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    monitor.lock()
    defer { monitor.unlock() }
    return try body(&kept.pointee)
  }
}

/// Copies, for looks of one thing alone.
extension CatalogueKeeper {
  var catalogue: CatalogueState { read { $0.catalogue } }
  var segments: [SegmentID: SegmentEntry] { read { $0.catalogue.segments } }
  var storedByteCount: UInt64 { read { $0.catalogue.storedByteCount } }
  /// Deleted ones too, in no order.
  var entries: [BranchEntry] { read { Array($0.catalogue.branches.values) } }
  /// Of all entries, in no order.
  var branches: [EngineBranch] { read { Array($0.branches.values) } }
}

/// What the keeper keeps. There is one of each store, and only its keeper gives it out.
struct Kept: ~Copyable {
  /// Where records go.
  struct Recording {
    let journal: Journal
    let clock: any StoreClock
    /// Called when records piled up so that a checkpoint is due.
    let noteDue: @Sendable () -> Void
  }

  private let recording: Recording
  /// Of the catalogue's branches, deleted ones too.
  var branches: [BranchID: EngineBranch] = [:]
  var catalogue: CatalogueState
  /// Of the catalogue file that counts.
  var catalogueNumber: UInt64
  var controlByteCountSinceCheckpoint = 0
  var hasSealedSinceCheckpoint = false
  /// Of the last catalogue file that was written.
  var checkpointByteCount = 0
  var sealCounts = SealCounts()
  /// Condemned since the last collection looked which frames died with such entries.
  var unexamined: [ForgottenEntry] = []
  /// Deletions that wait for the collection that ends them.
  var departures: [Departure] = []

  init(_ catalogue: CatalogueState, number: UInt64, _ recording: Recording) {
    self.catalogue = catalogue
    catalogueNumber = number
    self.recording = recording
  }

  /// A branch's name, for messages.
  func name(of id: BranchID) -> String { catalogue.branches[id]?.name ?? "branch \(id.rawValue)" }

  /// Where the next record comes behind.
  var lastLSN: LSN { recording.journal.lastLSN }

  /// Control records that make a checkpoint worth its writing.
  static let checkpointByteCountMin = 1 << 20

  /// Appends a control record and changes the catalogue by it. Durable once the journal is flushed
  /// through the LSN.
  @discardableResult
  mutating func record(_ record: ControlRecord, of branch: BranchID = BranchID(0))
    throws(StoreError) -> LSN
  {
    try self.record([(branch, record)])
  }

  /// As `record`, for several that replay applies all or none of. Returns the last one's LSN.
  mutating func record(_ records: [(branch: BranchID, record: ControlRecord)])
    throws(StoreError) -> LSN
  {
    let time = recording.clock.wallNanoseconds()
    let encoded = JournalRecords.control(
      records.map { ($0.branch, JournalRecords.EncodedControlRecord($0.record)) }, time: time)
    let last = try recording.journal.append(encoded)
    let first = last.rawValue - UInt64(records.count) + 1
    for (index, entry) in records.enumerated() {
      catalogue.apply(
        entry.record, branch: entry.branch, lsn: LSN(first + UInt64(index)), time: time)
      if entry.record.changesAnnotations, let fields = catalogue.branches[entry.branch]?.annotations
      {
        branches[entry.branch]?.noteAnnotations(fields)
      }
    }
    controlByteCountSinceCheckpoint += encoded.byteCount
    if controlByteCountSinceCheckpoint > Self.checkpointByteCountMin
      || recording.journal.needsControlCheckpoint
    {
      recording.noteDue()
    }
    return last
  }

  /// A record, and the annotations of the entry that it makes or changes, in one transaction.
  /// Returns the LSNs of the record and of the transaction's end.
  mutating func record(
    _ record: ControlRecord, of branch: BranchID, annotating target: BranchID,
    _ changes: [FieldChange]
  ) throws(StoreError) -> (first: LSN, last: LSN) {
    var records: [(branch: BranchID, record: ControlRecord)] = [(branch, record)]
    if !changes.isEmpty { records.append((target, .annotate(changes))) }
    let last = try self.record(records)
    return (LSN(last.rawValue - UInt64(records.count) + 1), last)
  }
}
