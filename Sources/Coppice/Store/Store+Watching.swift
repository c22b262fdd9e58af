internal import CoppiceFormat
internal import Synchronization

/// What changed in a store, for doors that keep copies of what they showed.
public enum StoreChange: Hashable, Sendable {
  /// There is a branch or snapshot of a name that none had.
  case added
  /// Branches or snapshots were deleted, or have other names.
  case removed
  /// The branch or snapshot with this `FileTree.id` has another state as a whole, or none: its open
  /// files are stale.
  case replaced(entry: UInt64)
  /// Files of this entry changed.
  case files(entry: UInt64, TreeChange)
  /// A branch came nearer to its limit. Told once for every level that it reaches.
  case growth(GrowthWarning)
}

/// What one change of a tree's files touched.
public enum TreeChange: Hashable, Sendable {
  /// The content of a file, and with it its byte count and times.
  case content(of: FileID)
  /// Attributes, or content too, of all these files; and what these names lead to.
  case names([DirectoryName], of: [FileID])
}

/// A name in a directory, whether it is taken or not.
public struct DirectoryName: Hashable, Sendable {
  public var directory: FileID
  public var name: FileName

  public init(_ name: FileName, in directory: FileID) {
    self.name = name
    self.directory = directory
  }
}

/// Calls made on every change as long as this object lives.
public final class StoreWatch: Sendable {
  private let watchers: StoreWatchers
  private let key: UInt64

  fileprivate init(_ watchers: StoreWatchers, _ key: UInt64) {
    self.watchers = watchers
    self.key = key
  }

  deinit { watchers.remove(key) }
}

extension Store {
  /// Calls `body` after every change, on the thread that made it, before the change returns to its
  /// caller and while no lock of the store is held. Changes may be reported in another order than
  /// they were made in, so `body` looks at what is there now. It must be quick: all writers run it.
  public func watch(_ body: @escaping @Sendable (StoreChange) -> Void) -> StoreWatch {
    StoreWatch(watchers, watchers.insert(body))
  }
}

/// Who wants to know of changes.
final class StoreWatchers: Sendable {
  private struct State {
    var next: UInt64 = 0
    var bodies: [UInt64: @Sendable (StoreChange) -> Void] = [:]
  }

  private let state = Mutex(State())
  private let count = Atomic<Int>(0)

  fileprivate func insert(_ body: @escaping @Sendable (StoreChange) -> Void) -> UInt64 {
    state.withLock { state in
      state.next += 1
      state.bodies[state.next] = body
      count.store(state.bodies.count, ordering: .releasing)
      return state.next
    }
  }

  fileprivate func remove(_ key: UInt64) {
    state.withLock { state in
      state.bodies[key] = nil
      count.store(state.bodies.count, ordering: .releasing)
    }
  }

  func tell(_ change: @autoclosure () -> StoreChange) {
    guard count.load(ordering: .acquiring) > 0 else { return }
    let change = change()
    for body in state.withLock({ Array($0.bodies.values) }) { body(change) }
  }
}
