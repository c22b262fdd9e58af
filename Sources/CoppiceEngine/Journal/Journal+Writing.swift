package import CoppiceFormat
internal import CoppicePlatform

// One thread writes at a time, without the monitor; whoever needs a flush meanwhile follows, and
// the next of them leads for all that gathered.

extension Journal {
  /// Returns once all records up to `lsn` survive a power cut.
  package func flush(through lsn: LSN) throws(StoreError) {
    monitor.lock()
    defer { monitor.unlock() }
    while true {
      try checkHealth()
      if syncedLSN >= lsn { return }
      if isWriting {
        monitor.wait()
      } else {
        try lead(syncing: true)
      }
    }
  }

  /// Syncs what has waited for that long. Returns how long what is left may wait still; `nil`:
  /// nothing is left.
  package func syncWhatWaited(
    nanoseconds limit: UInt64, until now: UInt64
  ) throws(StoreError) -> UInt64? {
    monitor.lock()
    defer { monitor.unlock() }
    guard failure == nil, let since = unsyncedSince else { return nil }
    guard since + limit <= now else { return since + limit - now }
    while isWriting { monitor.wait() }
    if unsyncedSince == since { try lead(syncing: true) }
    return unsyncedSince == nil ? nil : limit
  }

  /// Syncs whatever was written, also what promises nothing: a file is free only then.
  func settle() throws(StoreError) {
    monitor.lock()
    defer { monitor.unlock() }
    while isWriting { monitor.wait() }
    try checkHealth()
    if batch.recordCount > 0 || !unsynced.isEmpty { try lead(syncing: true) }
  }

  /// Writes the open batch to its file without a sync. Waits for a write under way.
  func writeOutBatch() throws(StoreError) {
    while isWriting { monitor.wait() }
    try checkHealth()
    if batch.recordCount > 0 { try lead(syncing: false) }
  }

  /// An idle journal gets its witness this long after a flush.
  static let witnessDelayNanoseconds: UInt64 = 10_000_000

  package enum WitnessOutcome: Sendable {
    case written
    /// A flush is too recent; ask again after `witnessDelayNanoseconds`.
    case tooEarly
    case notNeeded
  }

  /// After a flush, once the journal is idle: writes an empty batch that vouches for the synced
  /// LSN. It is not synced itself: it narrows a window, it promises nothing.
  @discardableResult
  package func writeWitness(ifFlushedBefore now: UInt64) throws(StoreError) -> WitnessOutcome {
    monitor.lock()
    defer { monitor.unlock() }
    guard failure == nil, lastWitnessedLSN < syncedLSN else { return .notNeeded }
    guard !isWriting, batch.recordCount == 0, lastFlushTime + Self.witnessDelayNanoseconds <= now
    else { return .tooEarly }
    guard let current, !current.isControl, current.fits(JournalLimits.blockByteCount),
      roomForWrites > JournalLimits.batchOverhead
    else { return .notNeeded }
    batch.begin(firstLSN: nextLSN, isControl: false)
    try lead(syncing: false)
    return .written
  }

  /// Writes the open batch, if any, and syncs if asked. The monitor is given up meanwhile; no one
  /// else writes then.
  private func lead(syncing: Bool) throws(StoreError) {
    isWriting = true
    let target = LSN(nextLSN.rawValue - 1)
    let job = takeBatch()
    let files = unsynced
    let start = syncing ? clock.monotonicNanoseconds() : 0
    monitor.unlock()
    var outcome: SystemError?
    do throws(SystemError) {
      if let job { try write(job) }
      if syncing { for file in files { try file.file.sync() } }
    } catch {
      outcome = error
    }
    monitor.lock()
    isWriting = false
    if let job { spare = job.batch }
    if let outcome {
      failure = StoreError(
        .unavailable, "a journal write or sync failed; nothing more is accepted",
        object: Self.directory, remedy: "close and reopen the store", cause: "\(outcome)")
    } else if syncing {
      syncedLSN = max(syncedLSN, target)
      unsyncedSince = syncedLSN.next == nextLSN ? nil : start
      lastFlushTime = clock.monotonicNanoseconds()
      unsynced.removeAll()
    }
    monitor.broadcast()
    try checkHealth()
  }

  private struct WriteJob {
    var batch: OpenBatch
    var file: JournalFile
    var offset: UInt64
    var header: JournalFileHeader?
  }

  /// Gives the open batch a place and puts an empty one in its stead.
  private func takeBatch() -> WriteJob? {
    guard batch.isBegun else { return nil }
    let file = fileForBatch()
    var header: JournalFileHeader?
    if file.needsHeader {
      header = JournalFileHeader(
        sequence: file.sequence, generation: file.generation, firstLSN: file.firstLSN,
        previousLSN: LSN(file.firstLSN.rawValue - 1), uuid: uuid, isControl: file.isControl)
      file.needsHeader = false
    }
    batch.seal(generation: file.generation, syncedLSN: syncedLSN, time: clock.wallNanoseconds())
    let job = WriteJob(batch: batch, file: file, offset: file.used, header: header)
    lastWitnessedLSN = syncedLSN
    file.used += UInt64(batch.buffer.byteCount)
    file.lastLSN = LSN(batch.firstLSN.rawValue + UInt64(batch.recordCount) - 1)
    file.holdsWrites = file.holdsWrites || batch.holdsWrites
    if !unsynced.contains(where: { $0 === file }) { unsynced.append(file) }
    batch = spare
    batch.reset()
    return job
  }

  /// The file that takes the open batch; starts the next one when the current one is of the other
  /// kind or has no room. Appending saw to it that there is one.
  private func fileForBatch() -> JournalFile {
    if let current, current.isControl == batch.isControl,
      current.fits(batch.paddedByteCount)
    {
      return current
    }
    if let current { used.append(current) }
    let next = batch.isControl ? idleControl.removeFirst() : prepared.removeFirst()
    next.begin(sequence: nextSequence, generation: nextGeneration, firstLSN: batch.firstLSN)
    nextSequence += 1
    nextGeneration += 1
    current = next
    return next
  }

  private func write(_ job: WriteJob) throws(SystemError) {
    if let header = job.header {
      let block = AlignedBuffer(byteCountMin: JournalLimits.blockByteCount)
      block.appendZeros(JournalLimits.blockByteCount)
      header.encode(into: block.mutableContents)
      try job.file.file.write(block.contents, at: 0)
      // A generation must be durable before anything bears it: were the header lost and a batch
      // kept, the generation would be given again, and the batch would come back.
      try job.file.file.sync()
    }
    try job.file.file.write(job.batch.buffer.contents, at: job.offset)
  }
}
