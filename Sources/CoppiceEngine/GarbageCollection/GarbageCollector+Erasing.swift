internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

extension GarbageCollector {
  private static let eraseAttemptCountMax = 3

  /// Overwrites what the journal holds of records up to now, in the files that branches go on with
  /// too: seals what is unsealed, so that a checkpoint frees these files, and fills all free files
  /// with zeros. Branches, readers and writers go on. Then gives back what the journal has more
  /// than it keeps when idle.
  ///
  /// What cannot be sealed, for it lies on something damaged or the disk is full, keeps its files
  /// as they are; so may writers that let no moment pass without records of theirs.
  ///
  /// - Returns: bytes of journal files that may hold such records still; 0: none does.
  @discardableResult
  package func eraseJournal() throws(StoreError) -> UInt64 {
    try core.gate.checkWritable()
    let forgotten = core.hints.collection.withLock { Set($0.forgotten.map(\.id)) }
    let gone = condemnedWithoutFrames
    let through = core.journal.lastLSN
    for _ in 0..<Self.eraseAttemptCountMax {
      try sealer.sealForCollection()
      // Writers go on in files that are clean.
      try core.journal.eraseFreeFiles()
      try core.journal.endCurrentFile()
      try checkpointer.write()
      try core.journal.eraseFreeFiles()
      if core.journal.isErased(through: through) { break }
    }
    guard core.journal.isErased(through: through) else {
      let left = core.journal.heldByteCount
      try pressure.giveJournalSurplusBack()
      return left
    }
    core.hints.collection.withLock { $0.noteErased(forgotten) }
    // Repair may fall back on the catalogue before the last: it must not need what is gone.
    try checkpointer.write()
    // The record that follows goes into a file that stays.
    try pressure.giveJournalSurplusBack()
    try forgetErased(gone)
    return 0
  }
}
