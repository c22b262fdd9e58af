package import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// A branch or snapshot of an open store: pages and volumes, no names.
///
/// Locks, in the order in which they are taken: `writer` makes LSN order and RAM order of the
/// branch's writes the same; the keeper's lock; `state`, held only to look or to swap.
package final class EngineBranch: VolumeSpace, PageSource, Sendable {
  package let id: BranchID
  package let domain: DomainID
  package let isReadOnly: Bool
  unowned let core: StoreCore
  unowned let pressure: Pressure
  let writer = WriterLock()
  let state: StripedLock<BranchState>
  /// The newest control record that made or changed this branch as a whole.
  private let controlLSNValue: Atomic<UInt64>
  private let isDeletedFlag: Atomic<Bool>
  /// Whether the entry has expired, or carries something critical that this version does not know.
  private let isRestrictedFlag: Atomic<Bool>
  /// By the boot clock, since when this process knows the entry as deleted.
  private let deletedSinceBoot: Atomic<UInt64>
  private let replacementCount = Atomic<UInt64>(0)
  package let growth: BranchGrowth

  init(
    _ entry: BranchEntry, _ core: StoreCore, _ pressure: Pressure, state: BranchState,
    controlLSN: LSN
  ) {
    id = entry.id
    domain = entry.domain
    isReadOnly = entry.flags.contains(.readOnly)
    self.core = core
    self.pressure = pressure
    self.state = StripedLock(state)
    controlLSNValue = Atomic(controlLSN.rawValue)
    isDeletedFlag = Atomic(entry.flags.contains(.deleted))
    isRestrictedFlag = Atomic(entry.annotations.restrictWriting)
    deletedSinceBoot = Atomic(core.clock.bootNanoseconds())
    growth = BranchGrowth(entry.annotations.limitByteCount)
  }

  package var pageByteCount: Int { core.pageByteCount }

  var controlLSN: LSN { LSN(controlLSNValue.load(ordering: .acquiring)) }
  func noteControl(_ lsn: LSN) { controlLSNValue.store(lsn.rawValue, ordering: .releasing) }

  /// How often the branch took another state as a whole.
  package var generation: UInt64 { replacementCount.load(ordering: .acquiring) }

  package var isDeleted: Bool { isDeletedFlag.load(ordering: .acquiring) }
  func setDeleted(_ isDeleted: Bool) {
    deletedSinceBoot.store(core.clock.bootNanoseconds(), ordering: .relaxed)
    isDeletedFlag.store(isDeleted, ordering: .releasing)
  }

  /// Nanoseconds of the boot clock for which a deleted entry has surely been so.
  func deletedNanoseconds(at bootNanoseconds: UInt64) -> UInt64 {
    let since = deletedSinceBoot.load(ordering: .relaxed)
    return bootNanoseconds > since ? bootNanoseconds - since : 0
  }

  /// Called after each change of the entry's annotations, with the keeper's lock.
  func noteAnnotations(_ fields: Fields) {
    isRestrictedFlag.store(fields.restrictWriting, ordering: .releasing)
    growth.set(fields.limitByteCount)
  }

  private func checkExists() throws(StoreError) {
    try core.gate.checkOpen()
    if isDeleted {
      throw StoreError(
        .notFound, "the branch was deleted", object: core.name(of: id),
        remedy: "restore it, or use another branch")
    }
  }

  private func checkWritable() throws(StoreError) {
    try checkExists()
    if isReadOnly {
      throw StoreError(
        .denied, "a snapshot cannot be written", object: core.name(of: id),
        remedy: "create a branch from it and write there")
    }
    if isRestrictedFlag.load(ordering: .acquiring) {
      let entry = core.keeper.read { $0.catalogue.branches[id] }
      try entry?.checkUnderstood()
      try entry?.checkNotExpired()
    }
  }

  // MARK: Reading

  package func attributes(of volume: VolumeNumber) throws(StoreError) -> VolumeAttributes? {
    let (own, sealed) = state.withReadLock { state, _ -> (VolumeAttributes??, SealedState) in
      (state.open[volume].map(\.attributes), state.sealed)
    }
    return try sealed.attributes(of: volume, above: own)
  }

  package func read(
    _ volume: VolumeNumber, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(StoreError) -> Int {
    try checkExists()
    if let read = CachedRead(volume, at: offset, into: buffer, pageShift: core.pageShift) {
      let cached = state.withReadLock { state, core in state.copyCached(read, core: core) }
      if let cached { return cached }
    }
    guard let end = try attributes(of: volume)?.byteCount else { return 0 }
    let copier = PageCopier(pageByteCount: pageByteCount)
    if let pages = copier.aheadPages(at: offset, end: end, byteCount: buffer.count) {
      let sealed = state.withReadLock { state, _ in state.sealed }
      // What is wrong with the tree shows when its pages are read.
      try? sealed.beginReading(volume, pages, core.frames)
    }
    return try copier.read(at: offset, end: end, into: buffer) {
      number throws(StoreError) in try page(.below, volume, number)
    }
  }

  func page(_ answer: VolumeLayer.Answer, _ volume: VolumeNumber, _ page: PageNumber)
    throws(StoreError) -> PageBuffer?
  {
    while true {
      let generation = core.retired.generation
      let (own, sealed) = state.withReadLock { state, _ in
        (state.open[volume]?.lookup(page) ?? .below, state.sealed)
      }
      do throws(StoreError) {
        guard answer.isBelow else { return try sealed.page(answer, volume, page, core.frames) }
        return try sealed.page(own, volume, page, core.frames)
      } catch {
        // A collection may have removed a frame that this state still named; the branch has
        // another state then, or the frame another place.
        guard core.retired.generation != generation || rootMoved(from: sealed.root.root) else {
          throw error
        }
      }
    }
  }

  private func rootMoved(from root: Ref) -> Bool {
    state.withReadLock { state, _ in state.sealed.root.root != root }
  }

  // MARK: Writing

  func checkDomain(of ref: Ref) throws(StoreError) {
    try core.checkDomain(of: ref, is: domain)
  }

  package func commit(_ transaction: borrowing Transaction) throws(StoreError) -> LSN {
    try commit(transaction, in: nil)
  }

  /// As `commit`; throws `unavailable` with reason `stale` when the branch's generation is another.
  package func commit(
    _ transaction: borrowing Transaction, in generation: UInt64?
  ) throws(StoreError) -> LSN {
    guard transaction.byteCount <= Transaction.byteCountMax else {
      throw StoreError(
        .invalid,
        "a transaction of \(transaction.byteCount) bytes is over the limit of "
          + "\(Transaction.byteCountMax)", object: core.name(of: id),
        remedy: "split it, or use an import")
    }
    let time = transaction.time
    let records = copy transaction
    return try commit(time: time, .transaction(id, records), in: generation) {
      builder throws(StoreError) in try builder.apply(records)
    }
  }

  /// Writes bytes in one transaction; what `Transaction.write` and `commit` do, without a copy.
  package func write(
    _ volume: VolumeNumber, at offset: UInt64, _ bytes: UnsafeRawBufferPointer, time: Int64,
    in generation: UInt64? = nil
  ) throws(StoreError) -> LSN {
    guard bytes.count > 0 else { return core.journal.lastLSN }
    guard bytes.count <= Transaction.byteCountMax / 2 else {
      throw StoreError(
        .invalid,
        "a write of \(bytes.count) bytes is over the limit of "
          + "\(Transaction.byteCountMax / 2)", object: core.name(of: id),
        remedy: "split it")
    }
    return try commit(
      time: time, .write(id, time: time, volume, offset: offset, bytes), in: generation
    ) { builder throws(StoreError) in try builder.write(volume, at: offset, bytes) }
  }

  /// One critical section from the state that a change builds on, over its LSN, to its place in
  /// the open layer: RAM order is LSN order.
  private func commit(
    time: Int64, _ records: JournalRecords, in generation: UInt64? = nil,
    _ build: (inout ChangeBuilder<EngineBranch>) throws(StoreError) -> Void
  ) throws(StoreError) -> LSN {
    let isRemoval = records.areRemoval
    do throws(StoreError) {
      try pressure.admit(self, adding: isRemoval ? nil : records.approximateByteCount)
    } catch {
      // What it removes takes memory and room away, and adds little.
      guard isRemoval, error.kind == .full else { throw error }
    }
    var attemptCount = 0
    while true {
      let attempt = core.relief.count
      do throws(StoreError) {
        let lsn = try writer.withLock { () throws(StoreError) in
          try checkWritable()
          try check(generation)
          var builder = ChangeBuilder(on: self, buffers: core.buffers, time: time)
          try build(&builder)
          let lsn = try core.journal.append(records)
          nonisolated(unsafe) let change = builder.change
          state.withLock { $0.open.merge(change, lsn: lsn, pageByteCount: pageByteCount) }
          return lsn
        }
        pressure.didWrite()
        if isRemoval { pressure.didRemove() }
        return lsn
      } catch {
        guard error.kind == .full else { throw error }
        attemptCount += 1
        let isRelieved =
          if isRemoval {
            try pressure.relieveRemoval(
              of: records.byteCount, after: attempt, attemptCount: attemptCount)
          } else {
            try pressure.relieve(after: attempt)
          }
        if !isRelieved { throw pressure.sealer.reason(for: error, toldTo: self) }
      }
    }
  }

  /// The caller holds `writer`: no other state can come before its change is in.
  private func check(_ generation: UInt64?) throws(StoreError) {
    guard let generation, generation != self.generation else { return }
    throw StoreError(
      .unavailable, "the branch was reset or replaced since the file was opened",
      object: core.name(of: id), remedy: "open the file again", reason: .stale)
  }

  package func flush(through lsn: LSN) throws(StoreError) {
    try core.journal.flush(through: max(lsn, controlLSN))
    pressure.didFlush()
  }

  /// What must be synced for the volume's content to be durable.
  package func lastLSN(of volume: VolumeNumber) -> LSN {
    state.withLock { state in
      state.open[volume]?.lastLSN ?? state.sealed.frozen.lastLSN(of: volume)
    }
  }

  // MARK: Layers

  /// Ends the open layer at `lsn`, a record no older than any of its writes, and begins another.
  /// The caller holds `writer`. Does nothing to an empty layer.
  func freezeOpenLayer(through lsn: LSN) {
    state.withLock { state in
      guard !state.open.isEmpty else { return }
      state.open.freeze(through: lsn)
      state.sealed.frozen = state.sealed.frozen.pushing(state.open)
      state.open = Layer(writer: id, from: lsn, meter: core.meter)
    }
  }

  /// How much of the branch's own open interval, as the catalogue sees it, holds writes.
  var writtenThrough: LSN {
    state.withLock { state in
      if !state.open.isEmpty { return .open }
      guard let top = state.sealed.frozen.layers.last, top.writer == id else { return .zero }
      return top.through
    }
  }

  /// Takes a new state as a whole. The caller holds `writer` and the keeper's lock.
  func replace(_ sealed: SealedState, from lsn: LSN) {
    let open = Layer(writer: id, from: lsn, meter: core.meter)
    state.withLock { $0 = BranchState(sealed: sealed, open: open) }
    replacementCount.wrappingAdd(1, ordering: .acquiringAndReleasing)
    noteControl(lsn)
  }

  /// Applies a durable publish: drops the lowest layers if they are these, on this root. Returns
  /// whether they are.
  func applyPublish(of layers: [Layer], oldRoot: Ref, newRoot: RootView) -> Bool {
    state.withLock { $0.sealed.applyPublish(of: layers, oldRoot: oldRoot, newRoot: newRoot) }
  }
}

extension Fields {
  /// Whether whoever writes must look what it is.
  fileprivate var restrictWriting: Bool { expiredSince != nil || !unknownCriticalTags.isEmpty }
}
