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
  private(set) var nextLSN: LSN
  private(set) var syncedLSN: LSN
  private(set) var failure: StoreError?
  private var batch = OpenBatch()
  private var spare = OpenBatch()
  private var isWriting = false
  private var isAppending = false
  private var isPreparing = false
  private var lastWitnessedLSN = LSN.zero
  private var lastFlushTime: UInt64 = 0
  private var nextSequence: UInt64
  private var nextGeneration: UInt64
  private var nextFileNumber: UInt64
  private var nextFileByteCount = JournalLimits.firstFileByteCount
  private var current: JournalFile?
  private var prepared: [JournalFile] = []
  private var used: [JournalFile] = []
  private var idleControl: [JournalFile] = []
  private var unsynced: [JournalFile] = []
  /// Whether the disk's room is left to a collection: no more files are made meanwhile.
  private var isSavingRoom = false

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
    return LSN(nextLSN.rawValue - 1)
  }

  private func checkHealth() throws(StoreError) {
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
      if roomForWrites >= footprint { return false }
      if isPreparing {
        monitor.wait()
        continue
      }
      do throws(StoreError) {
        try prepareFile()
      } catch {
        guard !records.areWrites, roomForControl(records.isEssential) >= footprint else {
          throw error
        }
        return true
      }
    }
  }

  private var pendingFootprint: Int {
    batch.recordCount > 0 ? JournalLimits.footprint(batch.buffer.byteCount) : 0
  }

  /// The current file, if batches of that kind will still go there: a pending batch of the other kind
  /// begins a new file and ends this one.
  private func currentFile(takingControl isControl: Bool) -> JournalFile? {
    guard let current, current.isControl == isControl,
      batch.recordCount == 0 || batch.isControl == isControl
    else { return nil }
    return current
  }

  private var roomForWrites: Int {
    var room = prepared.reduce(0) {
      $0 + JournalLimits.guaranteed(capacity: $1.capacity, used: UInt64(4096))
    }
    if let current = currentFile(takingControl: false) {
      room += JournalLimits.guaranteed(capacity: current.capacity, used: current.used)
    }
    return room - (batch.isControl ? 0 : pendingFootprint)
  }

  /// The last quarter of the control files is kept for what frees space.
  private func roomForControl(_ isEssential: Bool) -> Int {
    let block = UInt64(JournalLimits.blockByteCount)
    var room = idleControl.reduce(0) { $0 + Int($1.capacity - block) }
    if let current = currentFile(takingControl: true) {
      room += Int(current.capacity - current.used)
    }
    if batch.isControl { room -= pendingFootprint }
    let total = JournalLimits.controlFileCount * Int(JournalLimits.controlFileByteCount)
    return isEssential ? room : room - total / 4
  }

  // MARK: Writing

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

  /// Writes the open batch to its file without a sync. Waits for a write under way.
  private func writeOutBatch() throws(StoreError) {
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

  // MARK: Room

  /// Whether a writer will soon need room that is not prepared yet.
  package var wantsRoom: Bool {
    monitor.withLock {
      failure == nil && !isSavingRoom && roomForWrites < Int(min(nextFileByteCount, 16 << 20)) / 2
        && !isPreparing
        && totalByteCount + nextFileByteCount <= byteCountMax
    }
  }

  /// Prepares one more file ahead of need. Does nothing when another thread does.
  package func prepareRoom() throws(StoreError) {
    monitor.lock()
    defer { monitor.unlock() }
    if !isPreparing { try prepareFile() }
  }

  private var allFiles: [JournalFile] {
    used + (current.map { [$0] } ?? []) + prepared + idleControl
  }

  private var totalByteCount: UInt64 {
    allFiles.reduce(0) { $0 + ($1.isControl ? 0 : $1.capacity) }
  }

  /// Bytes of files that hold records still needed.
  package var usedByteCount: UInt64 {
    monitor.withLock { used.reduce(0) { $0 + $1.capacity } + (current?.used ?? 0) }
  }

  /// Allocates, zeroes and syncs one more file. The monitor is given up meanwhile.
  private func prepareFile() throws(StoreError) {
    let byteCount = nextFileByteCount
    guard !isSavingRoom else {
      throw StoreError(
        .full, "the disk is full, and what room there is goes to a collection",
        object: Self.directory, remedy: "wait for the collection to end")
    }
    guard totalByteCount + byteCount <= byteCountMax else {
      throw StoreError(
        .full, "the journal holds \(totalByteCount) bytes of unsealed writes, its limit",
        object: Self.directory, remedy: "wait for a seal, or raise the journal's limit")
    }
    isPreparing = true
    let name = "\(Self.directory)/\(nextFileNumber)"
    nextFileNumber += 1
    monitor.unlock()
    let outcome: Result<JournalFile, StoreError>
    do throws(SystemError) {
      outcome = .success(
        try Self.makeFile(disk, name, byteCount: byteCount, isControl: false))
    } catch {
      outcome = .failure(StoreError(error, while: "preparing room in the journal"))
    }
    monitor.lock()
    isPreparing = false
    monitor.broadcast()
    let file = try outcome.get()
    prepared.append(file)
    nextFileByteCount = min(byteCount * 2, JournalLimits.fileByteCountMax)
  }

  /// A zeroed, durable file. Removes what it made when it fails.
  static func makeFile(_ disk: any Disk, _ name: String, byteCount: UInt64, isControl: Bool)
    throws(SystemError) -> JournalFile
  {
    let file = try disk.open(name, .createDirect)
    do throws(SystemError) {
      try file.allocate(offset: 0, byteCount: byteCount)
      // Small pieces: a flush that comes meanwhile waits for the device to finish one of them.
      let zeros = AlignedBuffer(byteCountMin: 1 << 17)
      zeros.appendZeros(Int(min(byteCount, 1 << 17)))
      var offset: UInt64 = 0
      while offset < byteCount {
        let count = Int(min(byteCount - offset, UInt64(zeros.byteCount)))
        try file.write(
          UnsafeRawBufferPointer(rebasing: zeros.contents[0..<count]), at: offset)
        offset += UInt64(count)
      }
      try file.sync()
      try disk.syncDirectory(Self.directory)
    } catch {
      // The file holds nothing; if it stays behind, opening takes it for a prepared one.
      try? disk.remove(name)
      throw error
    }
    return JournalFile(name: name, file: file, capacity: byteCount, isControl: isControl)
  }

  // MARK: Checkpoints

  /// The files whose records a checkpoint at `lsn` still needs, for the catalogue to list.
  func filesNeeded(checkpoint lsn: LSN, neededAbove: LSN) -> [JournalFileEntry] {
    monitor.withLock {
      let needed = used.filter { !$0.isFree(checkpoint: lsn, neededAbove: neededAbove) }
      // The current file is listed even when nothing in it is needed yet: later records go there.
      return (needed + (current.map { [$0] } ?? []))
        .filter { $0.firstLSN <= lsn }
        .map {
          JournalFileEntry(
            sequence: $0.sequence, firstLSN: $0.firstLSN, lastLSN: min($0.lastLSN, lsn),
            isControl: $0.isControl)
        }
    }
  }

  /// Recycles the files that a durable checkpoint made free, but for those it lists: opening would
  /// miss them. One such was the current file then, and has been followed by another since.
  /// Returns whether there were any.
  func recycle(checkpoint lsn: LSN, neededAbove: LSN, keeping listed: Set<UInt64>) -> Bool {
    monitor.withLock {
      guard failure == nil else { return false }
      let free = used.filter { file in
        file.isFree(checkpoint: lsn, neededAbove: neededAbove) && !listed.contains(file.sequence)
          && !unsynced.contains { $0 === file }
      }
      used.removeAll { file in free.contains { $0 === file } }
      prepared += free.filter { !$0.isControl }
      idleControl += free.filter { $0.isControl }
      monitor.broadcast()
      return !free.isEmpty
    }
  }

  /// Whether control records have begun to use up the files kept for them.
  package var needsControlCheckpoint: Bool {
    monitor.withLock {
      current?.isControl == true || idleControl.count < JournalLimits.controlFileCount
    }
  }

  /// Before the last checkpoint of a clean close: nothing more goes to the current file.
  func endCurrentFile() throws(StoreError) {
    try flush(through: lastLSN)
    monitor.withLock {
      guard let file = current, !isWriting, batch.recordCount == 0 else { return }
      used.append(file)
      current = nil
    }
  }

  /// On a full disk: gives prepared files back, but for what accepted records are to go to, and makes
  /// no more until `endSavingRoom`. Writers may hear `full` meanwhile.
  func saveRoom() throws(SystemError) {
    let names = monitor.withLock {
      while isAppending || isPreparing { monitor.wait() }
      isSavingRoom = true
      nextFileByteCount = JournalLimits.firstFileByteCount
      var names: [String] = []
      for file in prepared {
        let room = JournalLimits.guaranteed(capacity: file.capacity, used: 4096)
        if failure != nil || roomForWrites < room { continue }
        prepared.removeAll { $0 === file }
        names.append(file.name)
      }
      return names
    }
    for name in names { try disk.remove(name) }
    if !names.isEmpty { try disk.syncDirectory(Self.directory) }
  }

  func endSavingRoom() { monitor.withLock { isSavingRoom = false } }

  /// From here on every call fails, and no file is touched any more.
  ///
  /// - Parameter waiting: returns only when what other threads have under way is over.
  func end(waiting: Bool) {
    monitor.withLock {
      while waiting, isWriting || isPreparing { monitor.wait() }
      failure =
        failure
        ?? StoreError(.unavailable, "the store was closed", remedy: "open it again")
      monitor.broadcast()
    }
  }

  /// After the last checkpoint of a clean close: gives the space of free files back.
  func removeFreeFiles() throws(SystemError) {
    let names = monitor.withLock {
      defer { prepared = [] }
      return prepared.map(\.name)
    }
    for name in names { try disk.remove(name) }
    if !names.isEmpty { try disk.syncDirectory(Self.directory) }
  }
}
