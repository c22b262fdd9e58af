internal import Synchronization

/// Which files of a tree are open, so that removing their last name keeps them until they are closed.
///
/// Opening and removing race: a remover announces a file as dying before it looks no more at who has
/// it open, and whoever opens a dying file waits for the remover.
final class OpenFiles: Sendable {
  private struct State {
    var counts: [FileID: Int] = [:]
    var dying: Set<FileID> = []
    var orphans: Set<FileID> = []
  }

  private let state = Mutex(State())

  var count: Int { state.withLock { $0.counts.values.reduce(0, +) } }

  /// Counts one more use; `false` when the file is being removed: wait for the writer, look again.
  func open(_ file: FileID) -> Bool {
    state.withLock { state in
      guard !state.dying.contains(file) else { return false }
      state.counts[file, default: 0] += 1
      return true
    }
  }

  /// Ends one use; returns whether it was the last one of a file without a name.
  func close(_ file: FileID) -> Bool {
    state.withLock { state in
      let rest = (state.counts[file] ?? 1) - 1
      state.counts[file] = rest > 0 ? rest : nil
      return rest == 0 && state.orphans.remove(file) != nil
    }
  }

  /// Called by the remover of a file's last name, with the writer's lock: `true` when it is open and
  /// must be kept.
  func mustKeep(_ file: FileID) -> Bool {
    state.withLock { state in
      if state.counts[file] != nil { return true }
      state.dying.insert(file)
      return false
    }
  }

  /// The remover is done, successfully or not. Returns the orphans that were closed meanwhile: nobody
  /// else will remove them.
  func settle(orphans: [FileID], named: [FileID]) -> [FileID] {
    state.withLock { state in
      state.dying = []
      let kept = orphans.filter { state.counts[$0] != nil }
      state.orphans.formUnion(kept)
      state.orphans.subtract(named)
      return orphans.filter { state.counts[$0] == nil }
    }
  }

  /// The tree was replaced: no open file has any claim on it.
  func forgetOrphans() {
    state.withLock { $0.orphans = [] }
  }
}
