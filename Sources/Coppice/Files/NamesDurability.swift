internal import CoppiceFormat
internal import Synchronization

/// The newest records that changed each file's names or attributes: what an fsync must cover.
///
/// Bounded: the oldest entries are folded into a floor that holds for all files that are not
/// listed, so a file may be synced further than it needs, never less.
final class NamesDurability: Sendable {
  static let countMax = 4096

  private struct State {
    var last: [FileID: LSN] = [:]
    var floor = LSN.zero
    var newest = LSN.zero
  }

  private let state = Mutex(State())

  func note(_ files: some Sequence<FileID>, _ lsn: LSN) {
    state.withLock { state in
      state.newest = max(state.newest, lsn)
      for file in files { state.last[file] = max(state.last[file] ?? .zero, lsn) }
      if state.last.count > Self.countMax { Self.fold(&state) }
    }
  }

  /// Notes a change of content, which the engine keeps by file.
  func note(_ lsn: LSN) {
    state.withLock { $0.newest = max($0.newest, lsn) }
  }

  func last(of file: FileID) -> LSN {
    state.withLock { $0.last[file] ?? $0.floor }
  }

  /// The newest change of anything in the tree.
  var newest: LSN { state.withLock { $0.newest } }

  private static func fold(_ state: inout State) {
    let sorted = state.last.sorted { $0.value < $1.value }
    for (file, lsn) in sorted.prefix(countMax / 2) {
      state.last[file] = nil
      state.floor = max(state.floor, lsn)
    }
  }
}
