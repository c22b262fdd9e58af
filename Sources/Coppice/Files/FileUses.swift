internal import Synchronization

/// Which files of a tree are in use: open, or known to the kernel of a mount by their numbers.
/// Removing the last name of such a file keeps it until nobody uses it any more.
///
/// Using and removing race: a remover announces a file as dying before it looks no more at who uses
/// it, and whoever wants to use a dying file waits for the remover.
final class FileUses: Sendable {
  private struct State {
    var openCounts: [FileID: Int] = [:]
    var retainCounts: [FileID: UInt64] = [:]
    var dying: Set<FileID> = []
    var orphans: Set<FileID> = []

    func isUsed(_ file: FileID) -> Bool {
      openCounts[file] != nil || retainCounts[file] != nil
    }

    /// Whether a use that has ended was the last one of a file without a name.
    mutating func isAbandoned(_ file: FileID) -> Bool {
      !isUsed(file) && orphans.remove(file) != nil
    }
  }

  private let state = Mutex(State())

  /// How often files are open.
  var openCount: Int { state.withLock { $0.openCounts.values.reduce(0, +) } }

  // MARK: Uses

  /// Counts one more opening; `false` when the file is being removed: wait for the writer, look
  /// again.
  func open(_ file: FileID) -> Bool {
    state.withLock { state in
      guard !state.dying.contains(file) else { return false }
      state.openCounts[file, default: 0] += 1
      return true
    }
  }

  /// Ends one opening; returns whether it was the last use of a file without a name.
  func close(_ file: FileID) -> Bool {
    state.withLock { state in
      let rest = (state.openCounts[file] ?? 1) - 1
      state.openCounts[file] = rest > 0 ? rest : nil
      return state.isAbandoned(file)
    }
  }

  /// As `open`, of somebody who keeps the file's number.
  func retain(_ file: FileID) -> Bool {
    state.withLock { state in
      guard !state.dying.contains(file) else { return false }
      state.retainCounts[file, default: 0] += 1
      return true
    }
  }

  /// As `close`, of that many `retain`.
  func release(_ file: FileID, _ count: UInt64) -> Bool {
    state.withLock { state in
      let before = state.retainCounts[file] ?? 0
      state.retainCounts[file] = before > count ? before - count : nil
      return state.isAbandoned(file)
    }
  }

  func isRetained(_ file: FileID) -> Bool {
    state.withLock { $0.retainCounts[file] != nil }
  }

  /// Ends every `retain`; returns the files without a name that nobody uses then.
  func releaseAll() -> [FileID] {
    state.withLock { state in
      state.retainCounts = [:]
      let abandoned = state.orphans.filter { state.openCounts[$0] == nil }
      state.orphans.subtract(abandoned)
      return Array(abandoned)
    }
  }

  // MARK: Removing

  /// Called by the remover of a file's last name, with the writer's lock: `true` when it is used
  /// and must be kept.
  func mustKeep(_ file: FileID) -> Bool {
    state.withLock { state in
      if state.isUsed(file) { return true }
      state.dying.insert(file)
      return false
    }
  }

  /// The remover is done, successfully or not. Returns the orphans whose last use ended meanwhile:
  /// nobody else will remove them.
  func settle(orphans: [FileID], named: [FileID]) -> [FileID] {
    state.withLock { state in
      state.dying = []
      let kept = orphans.filter { state.isUsed($0) }
      state.orphans.formUnion(kept)
      state.orphans.subtract(named)
      return orphans.filter { !state.isUsed($0) }
    }
  }

  /// The tree was replaced: no open file has any claim on it, and no number that somebody keeps
  /// means a file of it.
  func forget() {
    state.withLock { state in
      state.orphans = []
      state.retainCounts = [:]
    }
  }
}
