internal import CoppiceFormat
internal import CoppicePlatform

/// The control records that are left of a journal, for a store whose catalogue does not lead on to
/// them.
struct SurvivingRecords {
  let disk: any Disk
  let uuid: StoreUUID

  /// Those that follow on `catalogue` without a gap, in order.
  func following(_ catalogue: Catalogue) throws(StoreError) -> [RecoveredControlRecord] {
    let recovery = JournalRecovery(
      disk: disk, uuid: uuid, catalogue: catalogue, isReadOnly: true, acceptsLoss: true)
    return try readable(recovery.run().controlRecords) ?? []
  }

  /// Those before the journal's end, back to the last gap, in order. What was torn off by crashes
  /// is not among them: every file says where those before it end.
  func last() throws(StoreError) -> [RecoveredControlRecord] {
    var found: [RecoveredControlRecord] = []
    var next: LSN?
    var limit = LSN(.max - 1)
    for file in try files().reversed() {
      let reader = JournalFileReader(file: file.file, header: file.header, limit: limit)
      var own: [RecoveredControlRecord] = []
      let end = try readable(
        reader.scan { lsn, header, payload throws(StoreError) in
          guard header.kind.isControl,
            let record = try? ControlRecord.decode(kind: header.kind, payload.bytes)
          else { return }
          own.append(
            RecoveredControlRecord(
              lsn: lsn, branch: header.branch, time: header.time, record: record))
        })
      // A file that was never written to, or begins behind a gap that a later one cut off.
      guard let end, end.lsn >= file.header.firstLSN else { continue }
      if let next, end.lsn.next < next { break }
      found = own + found
      next = file.header.firstLSN
      limit = min(limit, file.header.previousLSN)
    }
    return found
  }

  /// No record that is left anywhere in the journal has a greater LSN.
  func lastLSN() throws(StoreError) -> LSN {
    var last = LSN.zero
    for file in try files() {
      last = max(
        last, file.header.previousLSN,
        try JournalFileReader(file: file.file, header: file.header, limit: LSN(.max - 1)).lastLSN())
    }
    return last
  }

  private func files() throws(StoreError) -> [(file: JournalFile, header: JournalFileHeader)] {
    var files: [(file: JournalFile, header: JournalFileHeader)] = []
    for name in try StoreInspector(disk: disk).list(Journal.directory) {
      let path = "\(Journal.directory)/\(name)"
      let (file, byteCount) = try StoreInspector(disk: disk).open(path)
      // A block that is damaged is no header.
      let block = try readable(
        file.bytes(at: 0, count: JournalFileHeader.byteCount))
      guard let block, let header = try? JournalFileHeader.decode(block.span.bytes),
        header.uuid == uuid
      else { continue }
      let isControl = name.hasPrefix(JournalRecovery.controlPrefix)
      files.append(
        (JournalFile(name: path, file: file, capacity: byteCount, isControl: isControl), header))
    }
    return files.sorted { $0.header.sequence < $1.header.sequence }
  }
}
