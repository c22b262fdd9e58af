package import CoppiceFormat
internal import CoppicePlatform

/// The one append-only write path of a store.
///
/// `append` takes an LSN and copies the record into the open batch in RAM. `flush` makes everything
/// up to an LSN durable: the first thread that needs it leads, writes the batch and syncs; threads
/// that come meanwhile follow, and the next of them leads for all that gathered.
///
/// What must hold:
/// - A record is accepted only into room that is allocated and zeroed already; running out is
///   `full` and harmless, a failing write or sync into that room poisons the journal for good.
/// - Batches are written in order of their LSNs by one thread at a time; a batch never spans files.
/// - The records of one append are consecutive. All but the last are flagged `continues`.
/// - An old file is never appended to after opening: its torn tail may hold an intact batch with a
///   fitting LSN. A new file names the LSN at which the old ones end.
/// - A batch says up to which LSN the journal was synced when it was written: evidence, after a
///   crash, that what lies before it was acknowledged.
package final class Journal: @unchecked Sendable {
  let disk: any Disk
  let clock: any StoreClock
  let uuid: StoreUUID
  let byteCountMax: UInt64
  let monitor = Monitor()

  // All below is guarded by `monitor`.
  var nextLSN: LSN
  var syncedLSN: LSN
  var failure: StoreError?
  var batch = OpenBatch()
  var spare = OpenBatch()
  var isWriting = false
  var isAppending = false
  var isPreparing = false
  var lastWitnessedLSN = LSN.zero
  var lastFlushTime: UInt64 = 0
  /// When the oldest record that is not synced came, or earlier; `nil`: all are.
  var unsyncedSince: UInt64?
  var nextSequence: UInt64
  var nextGeneration: UInt64
  var nextFileNumber: UInt64
  var nextFileByteCount = JournalLimits.firstFileByteCount
  var current: JournalFile?
  var prepared: [JournalFile] = []
  var used: [JournalFile] = []
  var idleControl: [JournalFile] = []
  var unsynced: [JournalFile] = []
  /// A free file that is being overwritten with zeros.
  var erasing: JournalFile?
  /// Whether the disk's room is left to removals and collections.
  var isSavingRoom = false

  static let directory = "journal"

  /// Continues after recovery; `used` are the files that recovery found, in order.
  init(
    disk: any Disk, clock: any StoreClock, uuid: StoreUUID, byteCountMax: UInt64,
    recovered: RecoveredJournal
  ) {
    self.disk = disk
    self.clock = clock
    self.uuid = uuid
    self.byteCountMax = byteCountMax
    nextLSN = recovered.endLSN.next
    syncedLSN = recovered.endLSN
    nextSequence = recovered.nextSequence
    nextGeneration = recovered.nextSequence
    nextFileNumber = recovered.nextFileNumber
    used = recovered.used
    prepared = recovered.free.filter { !$0.isControl }
    idleControl = recovered.free.filter { $0.isControl }
    if let largest = (used + prepared).filter({ !$0.isControl }).map(\.capacity).max() {
      nextFileByteCount = min(largest, JournalLimits.fileByteCountMax)
    }
  }

  /// The LSN of the newest record. Never in the middle of records that belong together.
  package var lastLSN: LSN {
    monitor.withLock {
      while isAppending { monitor.wait() }
      return LSN(nextLSN.rawValue - 1)
    }
  }
  /// Whether a write or sync failed, so that nothing more is accepted.
  package var isPoisoned: Bool { monitor.withLock { failure != nil } }

  package var durableLSN: LSN { monitor.withLock { syncedLSN } }

  // MARK: Appending

  /// Appends records that belong together and returns the last one's LSN.
  ///
  /// - Throws: `full` when no room could be prepared; `unavailable` once poisoned. Nothing was
  ///   appended then.
  func append(_ records: borrowing JournalRecords) throws(StoreError) -> LSN {
    let footprint = JournalLimits.footprint(records.byteCount)
    guard records.largestByteCount <= JournalLimits.recordByteCountMax else {
      throw StoreError(
        .invalid,
        "a journal record takes at most \(JournalLimits.recordByteCountMax) bytes",
        object: Self.directory)
    }
    monitor.lock()
    defer { monitor.unlock() }
    while isAppending { monitor.wait() }
    isAppending = true
    let outcome = Result { () throws(StoreError) in try appendExclusively(records, footprint) }
    isAppending = false
    monitor.broadcast()
    // Early writing only saves the next flush some work; a failure poisons and is met there.
    if batch.buffer.byteCount >= JournalLimits.earlyByteCount, !isWriting { try? writeOutBatch() }
    return try outcome.get()
  }

  private func appendExclusively(_ records: borrowing JournalRecords, _ footprint: Int)
    throws(StoreError) -> LSN
  {
    let intoControl = try takeRoom(footprint, for: records)
    if batch.recordCount > 0, batch.isControl != intoControl { try writeOutBatch() }
    for index in 0..<records.count {
      try makeRoomInBatch(records.byteCount(of: index))
      if batch.recordCount == 0 {
        batch.begin(firstLSN: nextLSN, isControl: intoControl)
      }
      records.store(index, into: batch.buffer)
      batch.recordCount += 1
      batch.holdsWrites = batch.holdsWrites || records.areWrites
      nextLSN = nextLSN.next
    }
    if unsyncedSince == nil { unsyncedSince = clock.monotonicNanoseconds() }
    return LSN(nextLSN.rawValue - 1)
  }

  func checkHealth() throws(StoreError) {
    if let failure { throw failure }
  }

  /// Waits until the batch may take a record of that many bytes.
  private func makeRoomInBatch(_ byteCount: Int) throws(StoreError) {
    while batch.recordCount > 0,
      batch.buffer.byteCount + byteCount > JournalLimits.batchByteCountMax
    {
      try writeOutBatch()
    }
    try checkHealth()
  }

  /// Sees to it that records of that footprint fit; returns whether they go to a control file.
  private func takeRoom(_ footprint: Int, for records: borrowing JournalRecords)
    throws(StoreError) -> Bool
  {
    while true {
      try checkHealth()
      let kept = records.areRemoval ? 0 : roomForRemovals
      if roomForWrites - kept >= footprint { return false }
      if isPreparing {
        monitor.wait()
        continue
      }
      do throws(StoreError) {
        try prepareFile()
      } catch {
        guard records.takesControlRoom, roomForControl(records.isEssential) >= footprint else {
          throw error
        }
        return true
      }
    }
  }
}
