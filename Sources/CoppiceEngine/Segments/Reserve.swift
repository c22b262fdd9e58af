internal import CoppicePlatform
internal import Synchronization

/// A file of allocated blocks that holds nothing: on a full disk it is given up, so that deletions and
/// collections can write what they need to make room.
///
/// While it is given up nothing is sealed: that would take the room away again.
final class Reserve: Sendable {
  static let name = "reserve"
  static let byteCountMax: UInt64 = 128 << 20
  /// A smaller store has none.
  static let storedByteCountMin: UInt64 = 16 << 20

  private let disk: any Disk
  private let state = Mutex(State())

  private struct State {
    var byteCount: UInt64 = 0
    var isGivenUp = false
  }

  init(disk: any Disk) { self.disk = disk }

  static func byteCount(forStored storedByteCount: UInt64) -> UInt64 {
    storedByteCount < storedByteCountMin ? 0 : min(byteCountMax, storedByteCount / 16)
  }

  /// Looks for the file that an earlier run made. A store that should have one and has none gave it
  /// up, as far as one can tell: the next seal tries to make it first.
  func find(storedByteCount: UInt64) {
    // One that cannot be opened is none.
    guard let file = try? disk.open(Self.name, .read), let byteCount = try? file.byteCount() else {
      let isDue = Self.byteCount(forStored: storedByteCount) > 0
      return state.withLock { $0.isGivenUp = isDue }
    }
    state.withLock { $0.byteCount = byteCount }
  }

  /// Makes the file, or a larger one in its place, when the store has grown to need it and the disk
  /// has room.
  func prepare(storedByteCount: UInt64) {
    state.withLock { state in
      let target = Self.byteCount(forStored: storedByteCount)
      if target == 0 { state.isGivenUp = false }
      // It is made anew when half of what it should be is missing, not every time.
      guard target > 0, state.byteCount < target / 2 + 1 else { return }
      let old = state.byteCount
      do throws(SystemError) {
        let file = try openForGrowth()
        try file.allocate(offset: 0, byteCount: target)
        try file.sync()
        try disk.syncDirectory("")
        state.byteCount = target
        state.isGivenUp = false
      } catch {
        // The next time, perhaps. What was made in part would only be in the way; what was there
        // before is better than nothing.
        if old > 0, (try? disk.open(Self.name, .write).truncate(to: old)) != nil { return }
        try? disk.remove(Self.name)
        state.isGivenUp = state.isGivenUp || old > 0
        state.byteCount = 0
      }
    }
  }

  private func openForGrowth() throws(SystemError) -> any DiskFile {
    do throws(SystemError) { return try disk.open(Self.name, .write) } catch {
      guard error.isMissing else { throw error }
      return try disk.open(Self.name, .create)
    }
  }

  /// Gives the blocks back; returns whether there were any.
  func release() -> Bool {
    state.withLock { state in
      guard state.byteCount > 0 else { return false }
      do throws(SystemError) { try disk.remove(Self.name) } catch {
        return false
      }
      state.byteCount = 0
      state.isGivenUp = true
      return true
    }
  }

  var isGivenUp: Bool { state.withLock { $0.isGivenUp } }
}
