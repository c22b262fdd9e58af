internal import CoppiceFormat
internal import CoppicePlatform

// Files are allocated, zeroed and synced before anything is accepted for them; that they cannot be
// made is `full`, and harmless.

extension Journal {
  private var pendingFootprint: Int {
    batch.recordCount > 0 ? JournalLimits.footprint(batch.buffer.byteCount) : 0
  }

  /// The current file, if batches of that kind will still go there: a pending batch of the other
  /// kind begins a new file and ends this one.
  private func currentFile(takingControl isControl: Bool) -> JournalFile? {
    guard let current, current.isControl == isControl,
      batch.recordCount == 0 || batch.isControl == isControl
    else { return nil }
    return current
  }

  /// Bytes of records that fit into prepared files.
  var preparedRoom: Int {
    prepared.reduce(0) {
      $0 + JournalLimits.guaranteed(capacity: $1.capacity, used: UInt64(4096))
    }
  }

  var roomForWrites: Int {
    var room = preparedRoom
    if let current = currentFile(takingControl: false) {
      room += JournalLimits.guaranteed(capacity: current.capacity, used: current.used)
    }
    return room - (batch.isControl ? 0 : pendingFootprint)
  }

  /// The last quarter of the control files is kept for what frees space.
  func roomForControl(_ isEssential: Bool) -> Int {
    let block = UInt64(JournalLimits.blockByteCount)
    var room = idleControl.reduce(0) { $0 + Int($1.capacity - block) }
    if let current = currentFile(takingControl: true) {
      room += Int(current.capacity - current.used)
    }
    if batch.isControl { room -= pendingFootprint }
    let total = JournalLimits.controlFileCount * Int(JournalLimits.controlFileByteCount)
    return isEssential ? room : room - total / 4
  }

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

  var allFiles: [JournalFile] {
    used + (current.map { [$0] } ?? []) + prepared + idleControl + (erasing.map { [$0] } ?? [])
  }

  private var totalByteCount: UInt64 {
    allFiles.reduce(0) { $0 + ($1.isControl ? 0 : $1.capacity) }
  }

  /// Bytes of files that hold records still needed.
  package var usedByteCount: UInt64 {
    monitor.withLock { used.reduce(0) { $0 + $1.capacity } + (current?.used ?? 0) }
  }

  /// Allocates, zeroes and syncs one more file. The monitor is given up meanwhile.
  ///
  /// - Parameters:
  ///   - asked: `nil`: twice that of the last one, up to the largest.
  ///   - isForRemoval: whether it is made also while room is saved, and past the journal's limit.
  func prepareFile(byteCount asked: UInt64? = nil, isForRemoval: Bool = false) throws(StoreError) {
    let byteCount = asked ?? nextFileByteCount
    guard !isSavingRoom || isForRemoval else {
      throw StoreError(
        .full, "the disk is full, and what room there is goes to removals and collections",
        object: Self.directory,
        remedy:
          "remove files or delete branches and use \(step: .collect), or make room on the disk")
    }
    let limit = byteCountMax + (isForRemoval ? JournalLimits.fileByteCountMax : 0)
    guard totalByteCount + byteCount <= limit else {
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
    if asked == nil { nextFileByteCount = min(byteCount * 2, JournalLimits.fileByteCountMax) }
  }

  /// A zeroed, durable file. Removes what it made when it fails.
  static func makeFile(_ disk: any Disk, _ name: String, byteCount: UInt64, isControl: Bool)
    throws(SystemError) -> JournalFile
  {
    let file = try disk.open(name, .createDirect)
    do throws(SystemError) {
      try file.allocate(offset: 0, byteCount: byteCount)
      try writeZeros(to: file, 0..<byteCount)
      try file.sync()
      try disk.syncDirectory(Self.directory)
    } catch {
      // The file holds nothing; if it stays behind, opening takes it for a prepared one.
      try? disk.remove(name)
      throw error
    }
    return JournalFile(name: name, file: file, capacity: byteCount, isControl: isControl)
  }

  /// In small pieces: a flush that comes meanwhile waits for the device to finish one of them.
  static func writeZeros(to file: any DiskFile, _ range: Range<UInt64>) throws(SystemError) {
    let zeros = AlignedBuffer(byteCountMin: 1 << 17)
    zeros.appendZeros(1 << 17)
    var offset = range.lowerBound
    while offset < range.upperBound {
      let count = Int(min(range.upperBound - offset, UInt64(zeros.byteCount)))
      try file.write(UnsafeRawBufferPointer(rebasing: zeros.contents[0..<count]), at: offset)
      offset += UInt64(count)
    }
  }

  /// While room is saved no file is made but for removals, and the last prepared room is theirs
  /// too.
  func setSavingRoom(_ isSaving: Bool) { monitor.withLock { isSavingRoom = isSaving } }

  /// What other writers leave to removals while room is saved.
  var roomForRemovals: Int {
    isSavingRoom
      ? JournalLimits.guaranteed(capacity: JournalLimits.firstFileByteCount, used: 4096) : 0
  }

  /// What a file takes into which a removal of that many bytes of records fits.
  static func fileByteCount(forRecords byteCount: Int) -> UInt64 {
    let unit = JournalLimits.firstFileByteCount
    let least = JournalLimits.footprint(byteCount) + JournalLimits.fileSlackByteCount + 4096
    return (UInt64(least) + unit - 1) / unit * unit
  }

  /// Prepares a file for a removal.
  func prepareRoom(forRemovalOf byteCount: Int) throws(StoreError) {
    monitor.lock()
    defer { monitor.unlock() }
    while isPreparing { monitor.wait() }
    try prepareFile(byteCount: Self.fileByteCount(forRecords: byteCount), isForRemoval: true)
  }

  /// Gives prepared files back to the disk, but for what accepted records are to go to, until the
  /// rest takes no more than that.
  func giveBackFiles(keeping byteCount: UInt64) throws(SystemError) {
    let names = monitor.withLock {
      while isAppending || isPreparing { monitor.wait() }
      nextFileByteCount = JournalLimits.firstFileByteCount
      var names: [String] = []
      var left = preparedByteCount
      for file in prepared.reversed() where left > byteCount {
        let room = JournalLimits.guaranteed(capacity: file.capacity, used: 4096)
        if failure != nil || roomForWrites < room { continue }
        prepared.removeAll { $0 === file }
        left -= file.capacity
        names.append(file.name)
      }
      return names
    }
    for name in names { try disk.remove(name) }
    if !names.isEmpty { try disk.syncDirectory(Self.directory) }
  }

  private var preparedByteCount: UInt64 { prepared.reduce(0) { $0 + $1.capacity } }

  /// Whether more is prepared than an idle journal keeps.
  var hasSurplus: Bool { monitor.withLock { preparedByteCount > JournalLimits.restingByteCount } }
}
