internal import CoppiceFormat
internal import CoppicePlatform

// Recovery finds the end of the journal and the control records past the checkpoint.
//
// Files are ordered by sequence. A file matters when the checkpoint lists it or when it begins
// after the checkpoint; anything else was free and holds old batches. Within a file batches follow
// one another without a gap in LSNs, of the file's generation, each with a good checksum. A file's
// header ends all older files at its `previousLSN`: what lies behind that in them was torn off by
// an earlier crash and must not come back.
//
// The journal ends at the first gap. Four things prove that acknowledged records lie behind a gap,
// and then opening is refused: a file or LSN that the checkpoint lists is missing, a later batch
// says that the journal was synced beyond the gap, or a file without a header has whole batches
// above the checkpoint.
// The last batch of all has no such witness, but for the empty batch written when idle.
//
// A file that begins behind the gap loses its header before anything new is written: new records
// take the LSNs that the gap swallowed, and one day would end right where that file begins.

/// What recovery found; a new journal continues from here.
struct RecoveredJournal {
  /// The last record of the last complete transaction, at least the checkpoint's LSN.
  var endLSN: LSN
  var nextSequence: UInt64 = 1
  var nextFileNumber: UInt64 = 0
  /// Files with records that may be needed, in order.
  var used: [JournalFile] = []
  /// Files without: ready to take batches.
  var free: [JournalFile] = []
  /// Control records above the checkpoint, in order.
  var controlRecords: [RecoveredControlRecord] = []
  /// One for each file of `used` up to the journal's end, in order.
  var writeReaders: [JournalFileReader] = []
  /// Acknowledged records that are gone; the journal ends before them.
  var loss: JournalLoss?
  /// Files with records that count and without a header, when that is accepted.
  var headerless: [HeaderlessFile] = []

  /// Visits the write records above `lsn` in order.
  func forEachWrite(
    above lsn: LSN,
    _ visit: (LSN, RecordHeader, UnsafeRawBufferPointer) throws(StoreError) -> Void
  ) throws(StoreError) {
    for reader in writeReaders where reader.file.holdsWrites && reader.file.lastLSN > lsn {
      _ = try reader.scan { place, header, payload throws(StoreError) in
        guard place > lsn, place <= endLSN, header.kind == .write else { return }
        try visit(place, header, payload)
      }
    }
  }
}

struct RecoveredControlRecord {
  var lsn: LSN
  var branch: BranchID
  var time: Int64
  var record: ControlRecord
}

struct JournalRecovery {
  let disk: any Disk
  let uuid: StoreUUID
  let catalogue: Catalogue
  let isReadOnly: Bool
  /// Whether the journal may end before acknowledged records that are damaged or missing.
  var acceptsLoss = false

  private struct ScannedFile {
    var journalFile: JournalFile
    var header: JournalFileHeader
    /// The last LSN that this file may hold, given by the next file's header.
    var limit = LSN(.max - 1)
    /// The last LSN of the valid run of batches.
    var endLSN: LSN
    var listed: JournalFileEntry?
  }

  func run() throws(StoreError) -> RecoveredJournal {
    var result = RecoveredJournal(endLSN: catalogue.lsn)
    var files = try openFiles(&result)
    for index in files.indices.dropLast().reversed() {
      files[index].limit = min(files[index + 1].limit, files[index + 1].header.previousLSN)
    }
    var transaction = TransactionTracker(checkpoint: catalogue.lsn)
    var expected = catalogue.lsn.next
    var gap: LSN?
    var isCutOff = Set<Int>()
    for index in files.indices {
      let file = files[index]
      // Begun behind a gap, and cut off whole by a later opening.
      if file.limit < file.header.firstLSN {
        isCutOff.insert(index)
        continue
      }
      if gap == nil, file.header.firstLSN > expected { gap = expected }
      let reader = JournalFileReader(file: file.journalFile, header: file.header, limit: file.limit)
      if let gap {
        if let witness = try reader.syncedLSN(behind: 4096), witness >= gap {
          try lose(gap, witness, reader, behind: 4096, &result)
        }
        isCutOff.insert(index)
        continue
      }
      let end = try reader.scan { lsn, header, payload throws(StoreError) in
        try transaction.take(lsn, header, payload)
        file.journalFile.holdsWrites = file.journalFile.holdsWrites || header.kind == .write
      }
      result.controlRecords = transaction.completeControlRecords
      files[index].endLSN = end.lsn
      file.journalFile.lastLSN = end.lsn
      file.journalFile.used = end.offset
      try check(files[index], reader, end.offset, &result)
      try makeDurable(file.journalFile)
      let reached = max(end.lsn, catalogue.lsn)
      if reached < file.limit {
        if let witness = try reader.syncedLSN(behind: end.offset), witness > reached {
          try lose(reached.next, witness, reader, behind: end.offset, &result)
        }
        if index + 1 < files.count { gap = reached.next }
      }
      expected = max(expected, end.lsn.next)
      result.writeReaders.append(reader)
    }
    result.endLSN = transaction.completeLSN
    for (index, file) in files.enumerated() {
      if isCutOff.contains(index), !isReadOnly {
        try erase(file.journalFile, &result)
      } else {
        result.used.append(file.journalFile)
      }
    }
    return result
  }

  /// Makes sure that what a file holds never counts again.
  private func erase(_ file: JournalFile, _ result: inout RecoveredJournal) throws(StoreError) {
    do throws(SystemError) {
      guard file.isControl else { return try disk.remove(file.name) }
      // Batches without a header are damage: the header goes last.
      let block = UInt64(JournalLimits.blockByteCount)
      for range in [block..<file.capacity, 0..<block] {
        try Journal.writeZeros(to: file.file, range)
        try file.file.sync()
      }
      result.free.append(file)
    } catch {
      throw StoreError(error, while: "dropping journal records behind a gap")
    }
  }

  /// What a killed process wrote may not be on the device yet; from here on it counts as synced.
  private func makeDurable(_ file: JournalFile) throws(StoreError) {
    if isReadOnly { return }
    do throws(SystemError) { try file.file.sync() } catch {
      throw StoreError(error, while: "syncing the journal that was found")
    }
  }

  /// A file that the checkpoint lists holds all that was in it then.
  private func check(
    _ file: ScannedFile, _ reader: JournalFileReader, _ end: UInt64,
    _ result: inout RecoveredJournal
  ) throws(StoreError) {
    guard let listed = file.listed, file.endLSN < min(listed.lastLSN, file.limit) else { return }
    try lose(file.endLSN.next, listed.lastLSN, reader, behind: end, &result)
  }

  /// Throws what is lost, or notes it when that is accepted.
  private func lose(
    _ first: LSN, _ last: LSN, _ reader: JournalFileReader?, behind offset: UInt64,
    in name: String = "", _ result: inout RecoveredJournal
  ) throws(StoreError) {
    var loss = JournalLoss(first: first, last: last, file: reader?.file.name ?? name)
    try reader?.forEachIntactRecord(behind: offset) { header, payload in loss.add(header, payload) }
    guard acceptsLoss else { throw lost(loss, result.controlRecords) }
    if var known = result.loss {
      known.first = min(known.first, loss.first)
      known.last = max(known.last, loss.last)
      known.branches.formUnion(loss.branches)
      known.volumes.formUnion(loss.volumes)
      loss = known
    }
    result.loss = loss
  }

  private func lost(_ loss: JournalLoss, _ records: [RecoveredControlRecord]) -> StoreError {
    var state = CatalogueState(catalogue)
    for entry in records {
      state.apply(entry.record, branch: entry.branch, lsn: entry.lsn, time: entry.time)
    }
    let names = loss.branches.sorted().map { state.branches[$0]?.name ?? "branch \($0.rawValue)" }
    let whose = names.isEmpty ? "" : ", of \(names.joined(separator: ", ")),"
    return StoreError(
      .corrupt,
      "acknowledged records \(loss.first.rawValue) to \(loss.last.rawValue) of the journal\(whose) "
        + "are damaged or missing; opening would drop them",
      object: loss.file,
      remedy: "restore this file from a copy of the store; nothing was changed. To open the store "
        + "without these records, use \(step: .repairAcceptingLoss)")
  }

  /// Opens the journal's files; those that matter come back in order of their sequence, the others
  /// are in `result.free`.
  private func openFiles(_ result: inout RecoveredJournal) throws(StoreError) -> [ScannedFile] {
    var scanned: [ScannedFile] = []
    var listed: [UInt64: JournalFileEntry] = [:]
    for entry in catalogue.journalFiles { listed[entry.sequence] = entry }
    let names: [String]
    do throws(SystemError) {
      names = try disk.list(Journal.directory)
    } catch {
      throw StoreError(error, while: "listing the journal")
    }
    for name in names {
      let isControl = name.hasPrefix(Self.controlPrefix)
      guard let number = UInt64(isControl ? String(name.dropFirst(8)) : name) else { continue }
      if !isControl { result.nextFileNumber = max(result.nextFileNumber, number + 1) }
      let path = "\(Journal.directory)/\(name)"
      let journalFile = try openFile(path, isControl: isControl)
      var header = try header(of: journalFile)
      if header == nil,
        let found = try HeaderlessFile(journalFile, uuid: uuid, behind: catalogue)
      {
        // A writer may have begun it in between.
        header = try self.header(of: journalFile)
        if header == nil {
          if let known = listed.values.first(where: { $0.firstLSN == found.header?.firstLSN }) {
            listed[known.sequence] = nil
          }
          try lose(found, &result)
          if !isReadOnly { try erase(journalFile, &result) }
          continue
        }
      }
      if let header {
        result.nextSequence = max(result.nextSequence, header.sequence + 1)
        let entry = listed.removeValue(forKey: header.sequence)
        if entry != nil || header.firstLSN > catalogue.lsn {
          journalFile.sequence = header.sequence
          journalFile.generation = header.generation
          journalFile.firstLSN = header.firstLSN
          scanned.append(
            ScannedFile(
              journalFile: journalFile, header: header,
              endLSN: LSN(header.firstLSN.rawValue - 1), listed: entry))
          continue
        }
      }
      // Without a header it may be half made: only a control file is kept, it never is.
      if header != nil || isControl {
        result.free.append(journalFile)
      } else if !isReadOnly {
        do throws(SystemError) {
          try disk.remove(path)
        } catch {
          throw StoreError(error, while: "removing an unfinished journal file")
        }
      }
    }
    if let missing = listed.values.min(by: { $0.sequence < $1.sequence }),
      missing.lastLSN >= missing.firstLSN
    {
      try lose(
        missing.firstLSN, missing.lastLSN, nil, behind: 0,
        in: "\(Journal.directory) file with sequence \(missing.sequence)", &result)
    }
    return scanned.sorted { $0.header.sequence < $1.header.sequence }
  }

  static let controlPrefix = "control-"

  private func openFile(_ path: String, isControl: Bool) throws(StoreError) -> JournalFile {
    do throws(SystemError) {
      let file = try disk.open(path, isReadOnly ? .read : .writeDirect)
      let journalFile = JournalFile(
        name: path, file: file, capacity: try file.byteCount(), isControl: isControl)
      journalFile.staleEnd = journalFile.capacity
      return journalFile
    } catch {
      throw StoreError(error, while: "reading the journal")
    }
  }

  /// `nil` where other bytes stand: the file is prepared, or free, or damaged.
  private func header(of file: JournalFile) throws(StoreError) -> JournalFileHeader? {
    let block = try file.readBlock(at: 0)
    guard block.byteCount == JournalLimits.blockByteCount else { return nil }
    do throws(FormatError) {
      let header = try JournalFileHeader.decode(block.contents.bytes)
      return header.uuid == uuid ? header : nil
    } catch {
      if error.isUnsupported { throw StoreError(error, in: file.name) }
      return nil
    }
  }

  /// As for records that are lost; a repair can write most headers anew.
  private func lose(_ found: HeaderlessFile, _ result: inout RecoveredJournal) throws(StoreError) {
    let reader = found.header.map {
      JournalFileReader(file: found.file, header: $0, limit: LSN(.max - 1))
    }
    if !acceptsLoss, reader != nil {
      throw StoreError(
        .corrupt,
        "the header of the journal file is damaged; records \(found.first.rawValue) to "
          + "\(found.last.rawValue) are in it", object: found.file.name,
        remedy: "use \(step: .repair)")
    }
    result.headerless.append(found)
    try lose(
      found.first, found.last, reader, behind: UInt64(JournalLimits.blockByteCount),
      in: found.file.name, &result)
  }
}

/// Keeps what complete transactions said; a torn one at the end of the journal is dropped whole.
private struct TransactionTracker {
  let checkpoint: LSN
  private(set) var completeLSN: LSN
  private(set) var completeControlRecords: [RecoveredControlRecord] = []
  private var open: [RecoveredControlRecord] = []

  init(checkpoint: LSN) {
    self.checkpoint = checkpoint
    completeLSN = checkpoint
  }

  mutating func take(_ lsn: LSN, _ header: RecordHeader, _ payload: UnsafeRawBufferPointer)
    throws(StoreError)
  {
    guard lsn > checkpoint else { return }
    if header.kind != .write, header.kind != .empty {
      do throws(FormatError) {
        open.append(
          RecoveredControlRecord(
            lsn: lsn, branch: header.branch, time: header.time,
            record: try ControlRecord.decode(kind: header.kind, payload.bytes)))
      } catch {
        throw StoreError(error, in: "\(Journal.directory) record \(lsn.rawValue)")
      }
    }
    guard !header.flags.contains(.continues) else { return }
    completeControlRecords += open
    open.removeAll()
    completeLSN = lsn
  }
}

extension JournalLoss {
  /// Notes whom a record concerns.
  fileprivate mutating func add(_ header: RecordHeader, _ payload: UnsafeRawBufferPointer) {
    if header.branch != BranchID(0) { branches.insert(header.branch) }
    guard header.kind == .write else { return }
    var reader = OpReader(payload, opCount: Int(header.opCount))
    // What cannot be read of it says nothing.
    while let op = try? reader.next() { volumes.insert(op.header.volume) }
  }
}
