internal import CoppiceFormat
internal import CoppicePlatform

extension Sealer {
  // MARK: On a full disk

  /// Seals the oldest layers that fit into what the disk and the reserve have for seals, each
  /// branch's as one, and gives journal files back that they leave. Returns whether there was
  /// anything to seal.
  ///
  /// - Throws: `full` when nothing fits.
  func sealOutOfReserve() throws(StoreError) -> Bool {
    try core.gate.checkWritable()
    return try sealing.withLock { () throws(StoreError) in
      let all = core.keeper.branches
      let dirty = all.compactMap { branch in
        branch.sealFailure == nil ? branch.firstDirtyLSN.map { (branch, lsn: $0) } : nil
      }
      let oldestFirst = dirty.sorted { $0.lsn < $1.lsn }.map(\.0)
      guard let oldest = oldestFirst.first else { return false }
      var (chosen, byteCount) = fitting(oldestFirst)
      var use = ReserveUse.seal
      if chosen.isEmpty, var candidate = freeze(oldest, byteCountMax: .max, withOpen: true) {
        // Most pages take far less than they may: names that were removed are differences. A seal
        // that fails gives back what it took.
        candidate.merged = Layer.merging(candidate.layers)
        (chosen, byteCount, use) = ([candidate], .max, .copies)
      }
      let outcome = try core.room.withReserve(use, of: byteCount) { () throws(StoreError) in
        try sealWithoutAsking(chosen)
      }
      try checkpointer.write()
      return outcome.layerCount > 0
    }
  }

  /// The first branches' layers that fit, and what they take at most.
  private func fitting(_ branches: [EngineBranch]) -> ([Candidate], UInt64) {
    let free = UInt64(core.room.byteCountForSeals ?? 0)
    var byteCount = UInt64(Self.overheadByteCount)
    var chosen: [Candidate] = []
    var seen: Set<ObjectIdentifier> = []
    for branch in branches where byteCount < free {
      guard var candidate = freeze(branch, byteCountMax: .max, withOpen: true),
        seen.isDisjoint(with: candidate.layers.map(ObjectIdentifier.init))
      else { continue }
      while let top = candidate.layers.last {
        let merged = Layer.merging(candidate.layers)
        let needed = merged.sealedByteCountMax(core.pageByteCount)
        if byteCount + needed <= free {
          byteCount += needed
          candidate.merged = top === candidate.layers.first ? nil : merged
          seen.formUnion(candidate.layers.map(ObjectIdentifier.init))
          chosen.append(candidate)
          break
        }
        candidate.layers.removeLast()
      }
    }
    return (chosen, byteCount)
  }

  /// Seals what can be, so that a collection finds what unsealed changes removed to be dead. On a
  /// full disk with what the reserve gives, as far as that goes.
  package func sealForCollection() throws(StoreError) {
    forgetRemovals()
    do throws(StoreError) { try sealWhatCanBe() } catch {
      guard error.kind == .full else { throw error }
      do throws(StoreError) { while try sealOutOfReserve() {} } catch {
        guard error.kind == .full else { throw error }
      }
    }
  }

  // MARK: What is in the way

  /// What a writer hears who found no room because other branches' layers cannot be sealed. The
  /// writer of such a branch hears of its own damage.
  func reason(for error: StoreError, toldTo writer: EngineBranch) -> StoreError {
    if let own = writer.sealFailure { return own }
    let stuck = core.keeper.branches
      .sorted { $0.id < $1.id }
      .compactMap { branch in branch.sealFailure.map { (branch, $0) } }
    guard let (branch, failure) = stuck.first else { return error }
    let name = core.name(of: branch.id)
    return StoreError(
      .full, "\(error.message); writes to \(name) cannot leave it: \(failure.message)",
      object: failure.object,
      remedy:
        "use \(step: .repair), or restore what is damaged from a copy, or give these writes up "
        + "with \(step: .deleteForGood(branch: name))",
      cause: failure.cause)
  }
}
