internal import CoppiceFormat
internal import CoppicePlatform

/// What room the disk has, and the reserve for when it has none (see `ReserveShares`).
final class Room: Sendable {
  private let disk: any Disk
  private let keeper: CatalogueKeeper
  private let journal: Journal
  private let relief: Relief
  private let reserve: Reserve
  /// Below it room is given back wherever that is possible.
  private let freeByteCountMin: UInt64

  init(
    disk: any Disk, keeper: CatalogueKeeper, journal: Journal, relief: Relief,
    freeByteCountMin: UInt64
  ) {
    self.disk = disk
    self.keeper = keeper
    self.journal = journal
    self.relief = relief
    self.freeByteCountMin = freeByteCountMin
    reserve = Reserve(disk: disk)
  }

  /// Makes the reserve, or what was given up of it, as far as there is room. Returns whether it is
  /// whole.
  @discardableResult
  func restoreReserve() -> Bool {
    reserve.prepare(shares)
    journal.setSavingRoom(reserve.isGivenUp)
    return !reserve.isGivenUp
  }

  private var shares: ReserveShares {
    let (stored, catalogue) = keeper.read {
      ($0.catalogue.storedByteCount, $0.checkpointByteCount)
    }
    return ReserveShares(storedByteCount: stored, catalogueByteCount: catalogue)
  }

  /// Looks for the reserve that an earlier run made.
  func find() {
    reserve.find(storedByteCount: keeper.storedByteCount, shares: shares)
  }

  /// Whether the disk was so full that of the reserve was given.
  var isGivenUp: Bool { reserve.isGivenUp }
  var hasReserve: Bool { reserve.hasBytes }
  var reservedByteCount: UInt64 { reserve.byteCount }

  /// What a full disk's reserve gave is for deletions and collections.
  func admitSeal() throws(StoreError) {
    guard reserve.isGivenUp, !restoreReserve() else { return }
    throw StoreError(
      .full, "the disk is full",
      remedy: "remove files or delete branches and use \(step: .collect), or make room on the disk")
  }

  /// What the disk has free for seals, with the reserve's part; `nil`: nobody can tell, and writes
  /// fail where they find no room.
  var byteCountForSeals: Int? {
    guard let free = try? disk.freeByteCount() else { return nil }
    return Int(min(free, 1 << 60)) + Int(min(reserve.byteCount(for: .seal), 1 << 60))
  }

  /// Runs a step that finds so many bytes free, if the reserve has them for it.
  func withReserve<Result, Failure: Error>(
    _ use: ReserveUse, of byteCount: UInt64 = .max, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    reserve.beginUse(use, of: byteCount)
    journal.setSavingRoom(reserve.isGivenUp)
    relief.admit(byteCount: 0)
    defer { reserve.endUse() }
    return try body()
  }

  /// Whether the disk is so full that files which hold nothing are worth giving back.
  var isShort: Bool {
    if reserve.isGivenUp { return true }
    // Without an answer there is no lack.
    guard let free = try? disk.freeByteCount() else { return false }
    return free < freeByteCountMin
  }
}
