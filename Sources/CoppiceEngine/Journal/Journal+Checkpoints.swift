internal import CoppiceFormat
internal import CoppicePlatform

// Which files a checkpoint needs and frees, and the end of a journal.

extension Journal {
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
      for file in free { file.recycle() }
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

  /// Nothing more goes to the current file, so that a checkpoint can free it; unless the batch that
  /// gathers has no room elsewhere.
  package func endCurrentFile() throws(StoreError) {
    try settle()
    monitor.withLock {
      while isWriting || isAppending { monitor.wait() }
      guard let file = current, failure == nil, hasRoomBeside(file) else { return }
      used.append(file)
      current = nil
    }
  }

  /// Whether the batch that gathers, if any, fits into files that come after the current one.
  private func hasRoomBeside(_ current: JournalFile) -> Bool {
    guard batch.recordCount > 0, batch.isControl == current.isControl else { return true }
    if batch.isControl {
      return idleControl.first.map { $0.capacity >= UInt64(4096 + batch.paddedByteCount) } ?? false
    }
    return preparedRoom >= JournalLimits.footprint(batch.buffer.byteCount)
  }

  /// From here on every call fails, and no file is touched any more.
  ///
  /// - Parameter waiting: returns only when what other threads have under way is over.
  func end(waiting: Bool) {
    monitor.withLock {
      while waiting, isWriting || isPreparing || erasing != nil { monitor.wait() }
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
