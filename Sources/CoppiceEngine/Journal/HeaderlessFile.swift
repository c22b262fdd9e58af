internal import CoppiceFormat
internal import CoppicePlatform

/// A journal file whose header cannot be read, though records in it count.
///
/// A header is durable before the first batch of its generation is written, and a file is free only
/// when nothing in it is above the checkpoint that freed it. So whole batches above the newest
/// checkpoint, or of a file that this one lists, say that the header was damaged since: neither a
/// crash nor recycling leaves them behind without one.
struct HeaderlessFile {
  let file: JournalFile
  /// The header that its batches tell of, but for the sequence, which is 0; `nil` when the first of
  /// them is damaged too.
  let header: JournalFileHeader?
  /// The records in it, as far as whole batches tell.
  let first: LSN
  let last: LSN

  /// `nil` when nothing in the file counts.
  init?(_ file: JournalFile, uuid: StoreUUID, behind checkpoint: Catalogue) throws(StoreError) {
    let batches = try JournalFileReader.wholeBatches(of: file)
    let start = batches.first { $0.offset == UInt64(JournalLimits.blockByteCount) }?.header
    let isListed = checkpoint.journalFiles.contains {
      $0.isControl == file.isControl && $0.firstLSN == start?.firstLSN
    }
    let counting = batches.filter { batch in
      if isListed { return batch.header.generation == start?.generation }
      return batch.header.lastLSN > checkpoint.lsn
    }
    guard let first = counting.map(\.header.firstLSN).min(),
      let last = counting.map(\.header.lastLSN).max()
    else { return nil }
    self.file = file
    self.first = first
    self.last = last
    header = start.map { start in
      JournalFileHeader(
        sequence: 0, generation: start.generation, firstLSN: start.firstLSN,
        previousLSN: LSN(start.firstLSN.rawValue - 1), uuid: uuid, isControl: file.isControl)
    }
  }
}

extension JournalBatchHeader {
  /// Of its last record; the one before the first, if it is empty.
  var lastLSN: LSN { LSN(firstLSN.rawValue + UInt64(recordCount) - 1) }
}
