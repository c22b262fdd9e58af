internal import CoppicePlatform
internal import Synchronization

/// A file of allocated blocks that holds nothing: on a full disk it is given up, piece by piece, so
/// that removals, deletions and collections can write what they need to make room. See
/// `ReserveShares` for how large it is and why that is enough.
///
/// From the first piece on until it is whole again no ordinary write gets room: no journal file, no
/// seal and no import. It is made anew as soon as there is room, before these.
final class Reserve: Sendable {
  static let name = "reserve"
  /// A store with less that has none has not made it yet; one with more has given it up.
  private static let storedByteCountMin: UInt64 = 1 << 20
  /// What a step gets beside what it asks for: blocks of directories, and rounding.
  private static let slackByteCount: UInt64 = 256 << 10

  private let disk: any Disk
  private let state = Mutex(State())

  private struct State {
    var byteCount: UInt64 = 0
    var shares = ReserveShares()
    var isGivenUp = false
    /// Steps that use what was given up: it is not taken back under their feet.
    var useCount = 0
  }

  init(disk: any Disk) { self.disk = disk }

  /// Looks for the file that an earlier run made. A store that should have one and has none, or
  /// half of it, gave it up, as far as one can tell.
  func find(storedByteCount: UInt64, shares: ReserveShares) {
    // One that cannot be opened is none.
    let found = (try? disk.open(Self.name, .read).byteCount()) ?? 0
    state.withLock { state in
      state.byteCount = found
      state.shares = shares
      state.isGivenUp =
        storedByteCount >= Self.storedByteCountMin && found < shares.byteCount / 2
    }
  }

  /// Makes the file, or a larger one in its place, when the store has grown to need it and the disk
  /// has room; of one that was given up, as much as there is room for.
  func prepare(_ shares: ReserveShares) {
    state.withLock { state in
      state.shares = shares
      let target = shares.byteCount
      guard state.useCount == 0 else { return }
      if state.byteCount > target * 2 { cut(&state, to: target) }
      // It is made anew when half of what it should be is missing, not every time.
      guard state.isGivenUp || state.byteCount < target / 2 + 1 else { return }
      if grow(&state, to: target) {
        state.isGivenUp = false
      } else if state.isGivenUp, let free = try? disk.freeByteCount(), free >= 1 << 20 {
        _ = grow(&state, to: min(target, state.byteCount + free / 8 * 7))
      }
    }
  }

  /// The store has shrunk.
  private func cut(_ state: inout State, to byteCount: UInt64) {
    // What is not given back now is so the next time.
    if (try? disk.open(Self.name, .write).truncate(to: byteCount)) != nil {
      state.byteCount = byteCount
    }
  }

  private func grow(_ state: inout State, to byteCount: UInt64) -> Bool {
    guard byteCount > state.byteCount else { return true }
    let old = state.byteCount
    do throws(SystemError) {
      let file = try openForGrowth()
      try file.allocate(offset: 0, byteCount: byteCount)
      try file.sync()
      try disk.syncDirectory("")
      state.byteCount = byteCount
      return true
    } catch {
      // The next time, perhaps. What was made in part would only be in the way; what was there
      // before is better than nothing.
      if old > 0, (try? disk.open(Self.name, .write).truncate(to: old)) != nil { return false }
      try? disk.remove(Self.name)
      state.isGivenUp = state.isGivenUp || old > 0
      state.byteCount = 0
      return false
    }
  }

  private func openForGrowth() throws(SystemError) -> any DiskFile {
    do throws(SystemError) { return try disk.open(Self.name, .write) } catch {
      guard error.isMissing else { throw error }
      return try disk.open(Self.name, .create)
    }
  }

  /// Sees to it that a step finds that many bytes free, as far as the reserve has them and other
  /// uses do not need them more. Until `endUse` nothing is taken back.
  func beginUse(_ use: ReserveUse, of byteCount: UInt64) {
    state.withLock { state in
      state.useCount += 1
      // Without an answer all of it may be needed.
      let free = (try? disk.freeByteCount()) ?? 0
      let (wanted, isOver) = byteCount.addingReportingOverflow(Self.slackByteCount)
      let missing = isOver ? .max : wanted - min(free, wanted)
      let given = min(missing, state.byteCount - min(state.shares.left(by: use), state.byteCount))
      guard given > 0 else { return }
      let left = state.byteCount - given
      // What cannot be given is missed by the step itself.
      guard (try? disk.open(Self.name, .write).truncate(to: left)) != nil else { return }
      state.byteCount = left
      state.isGivenUp = true
    }
  }

  func endUse() { state.withLock { $0.useCount -= 1 } }

  /// What that use may have of it.
  func byteCount(for use: ReserveUse) -> UInt64 {
    state.withLock { $0.byteCount - min($0.shares.left(by: use), $0.byteCount) }
  }

  var byteCount: UInt64 { state.withLock { $0.byteCount } }
  var hasBytes: Bool { byteCount > 0 }
  var isGivenUp: Bool { state.withLock { $0.isGivenUp } }
}
