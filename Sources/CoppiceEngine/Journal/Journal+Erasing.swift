internal import CoppiceFormat
internal import CoppicePlatform

// A recycled file keeps its old batches until new ones take their place. What must be gone is
// overwritten with zeros: only in files that a durable checkpoint made free and that are taken away
// from writers meanwhile, so a crash in the middle costs nothing.

extension Journal {
  /// Bytes of the files for writes that may hold records, whether they count or not.
  package var heldByteCount: UInt64 {
    monitor.withLock {
      allFiles.reduce(0) { $0 + ($1.isControl ? 0 : $1.heldByteCount) }
    }
  }

  /// Whether no byte of any file for writes holds a record up to `lsn`.
  func isErased(through lsn: LSN) -> Bool {
    monitor.withLock {
      let begun = used + (current.map { [$0] } ?? [])
      return allFiles.allSatisfy { $0.isControl || !$0.isStale }
        && begun.allSatisfy { $0.isControl || $0.firstLSN > lsn }
    }
  }

  /// Overwrites what free files hold of their earlier use. Leaves those alone that accepted records
  /// are to go to, unless other room can be prepared for these.
  func eraseFreeFiles() throws(StoreError) {
    while let file = try takeStaleFile() {
      do throws(SystemError) {
        try Self.writeZeros(
          to: file.file, UInt64(JournalLimits.blockByteCount)..<file.staleEnd)
        try file.file.sync()
      } catch {
        giveBack(file, isErased: false)
        throw StoreError(error, while: "overwriting a free journal file")
      }
      giveBack(file, isErased: true)
    }
  }

  private func takeStaleFile() throws(StoreError) -> JournalFile? {
    monitor.lock()
    defer { monitor.unlock() }
    var hasPrepared = false
    while true {
      while isAppending || isPreparing || erasing != nil { monitor.wait() }
      try checkHealth()
      guard let index = prepared.firstIndex(where: \.isStale) else { break }
      let room = JournalLimits.guaranteed(capacity: prepared[index].capacity, used: 4096)
      if roomForWrites >= room {
        erasing = prepared.remove(at: index)
        break
      }
      if hasPrepared { break }
      hasPrepared = true
      do throws(StoreError) { try prepareFile(byteCount: JournalLimits.firstFileByteCount) } catch {
        guard error.kind == .full else { throw error }
      }
    }
    // A control batch that gathers counts on these.
    if erasing == nil, !batch.isControl || batch.recordCount == 0,
      let index = idleControl.firstIndex(where: \.isStale)
    {
      erasing = idleControl.remove(at: index)
    }
    return erasing
  }

  /// One that was not erased is used up before others.
  private func giveBack(_ file: JournalFile, isErased: Bool) {
    monitor.withLock {
      if isErased { file.staleEnd = 0 }
      switch (file.isControl, isErased) {
      case (true, _): idleControl.append(file)
      case (false, true): prepared.insert(file, at: 0)
      case (false, false): prepared.append(file)
      }
      erasing = nil
      monitor.broadcast()
    }
  }
}
