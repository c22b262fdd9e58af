internal import CoppiceEngine
package import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// The file system over one set of volumes: a branch, a snapshot or an import in preparation.
///
/// Writers of names take turns under one lock; readers of names take none (see `NamesCache`).
/// Content goes straight to the volumes and concerns neither.
package final class TreeCore: Sendable {
  /// The volumes below.
  package let space: any FileSpace
  let cache: NamesCache
  let uses = FileUses()
  let durability = NamesDurability()
  /// Asked before a file grows; `nil` where nothing limits that.
  let growth: GrowthGate?
  private let writer = Monitor()
  private let allocateVolume: @Sendable () throws(StoreError) -> VolumeNumber
  private let wallNanoseconds: @Sendable () -> Int64
  /// Called after each change, without locks; `nil` says that the whole tree is another one.
  let changed: @Sendable (TreeChange?) -> Void
  /// Grows when the tree is replaced or deleted: files opened before are stale.
  private let epochCount = Atomic<UInt64>(0)

  /// - Parameters:
  ///   - allocateVolume: yields a number that no volume of the store ever had.
  ///   - wallNanoseconds: the time of day, since 1970.
  ///   - changed: called after each change, without locks; `nil` stands for the whole tree.
  package convenience init(
    space: any FileSpace,
    allocateVolume: @escaping @Sendable () throws(StoreError) -> VolumeNumber,
    wallNanoseconds: @escaping @Sendable () -> Int64,
    changed: @escaping @Sendable (TreeChange?) -> Void = { _ in }
  ) {
    self.init(
      space: space, growth: nil, allocateVolume: allocateVolume, wallNanoseconds: wallNanoseconds,
      changed: changed)
  }

  init(
    space: any FileSpace, growth: GrowthGate?,
    allocateVolume: @escaping @Sendable () throws(StoreError) -> VolumeNumber,
    wallNanoseconds: @escaping @Sendable () -> Int64,
    changed: @escaping @Sendable (TreeChange?) -> Void
  ) {
    self.space = space
    self.growth = growth
    cache = NamesCache(space: space)
    self.allocateVolume = allocateVolume
    self.wallNanoseconds = wallNanoseconds
    self.changed = changed
  }

  var epoch: UInt64 { epochCount.load(ordering: .acquiring) }
  /// Bytes of a page of the volumes.
  package var pageByteCount: Int { space.pageByteCount }
  func now() -> Timestamp { Timestamp(nanoseconds: wallNanoseconds()) }
  func allocateFile() throws(StoreError) -> FileID { FileID(try allocateVolume()) }

  // MARK: Reading names

  private static let attemptCountMax = 4

  /// Runs `body` on one state of the names. It may run several times, as often as a writer changes
  /// the tree underneath, and must have no effect but its result.
  package func read<Result>(
    _ body: (CommittedNames) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    for _ in 0..<Self.attemptCountMax {
      let version = cache.version
      guard version.isMultiple(of: 2) else { break }
      do throws(StoreError) {
        let result = try body(try cache.current())
        if cache.version == version { return result }
      } catch {
        if cache.version == version { throw error }
      }
    }
    return try writer.withLock { () throws(StoreError) -> Result in
      try body(try cache.current())
    }
  }

  /// Waits for the writer of the moment.
  func waitForWriter() { writer.withLock {} }

  // MARK: Writing

  /// Runs `body` on a transaction of its own and commits what it did, all or nothing. When it
  /// throws nothing happened. Returns once the change is visible; it is durable after a flush.
  package func update<Result>(
    at time: Timestamp? = nil,
    _ body: (FileTransaction) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    var abandoned: [FileID] = []
    let (result, change) = try writer.withLock { () throws(StoreError) -> (Result, TreeChange?) in
      let transaction = FileTransaction(
        core: self, names: NamesTransaction(base: try cache.current()), time: time ?? now())
      do throws(StoreError) {
        let result = try body(transaction)
        try commit(transaction)
        abandoned = uses.settle(
          orphans: transaction.orphaned, named: transaction.adopted)
        return (result, transaction.change)
      } catch {
        _ = uses.settle(orphans: [], named: [])
        throw error
      }
    }
    removeAbandoned(abandoned)
    if let change { changed(change) }
    return result
  }

  /// Removes files that had lost their last name before their last use ended. What fails here stays
  /// an orphan, which the next opening of the branch removes.
  func removeAbandoned(_ files: [FileID]) {
    guard !files.isEmpty else { return }
    try? update { transaction throws(StoreError) in
      for file in files { try transaction.destroyAbandoned(file) }
    }
  }

  private func commit(_ transaction: FileTransaction) throws(StoreError) {
    let changes = try transaction.names.finish(into: &transaction.operations)
    guard !transaction.operations.isEmpty else { return }
    if changes != nil { cache.beginCommit() }
    do throws(StoreError) {
      let lsn = try space.commit(transaction.operations)
      if let changes { cache.endCommit(changes) }
      durability.note(transaction.touched, lsn)
    } catch {
      if changes != nil { cache.endCommit(nil) }
      throw error
    }
  }

  /// Runs `body`, which replaces or removes the volumes underneath, while no one writes names; all
  /// open files are stale afterwards.
  package func replace<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { changed(nil) }
    return try writer.withLock { () throws(Failure) -> Result in
      // Whoever reads meanwhile waits: pages of two trees make none.
      cache.beginCommit()
      let result: Result
      do throws(Failure) { result = try body() } catch {
        cache.endCommit(nil)
        throw error
      }
      epochCount.wrappingAdd(1, ordering: .acquiringAndReleasing)
      uses.forget()
      cache.invalidate()
      return result
    }
  }
}
