package import Coppice
internal import CoppiceEngine
internal import CoppicePlatform
internal import Synchronization

/// A way other than requests by which the files of a store are used, like a mount.
package protocol Door: AnyObject, Sendable {
  /// The processes that use files through it, as far as this one may look.
  var users: [DoorUser] { get }

  /// Returns when the door is closed, whoever closed it.
  func waitUntilClosed()

  /// Closes it and makes what came through it durable.
  func close() throws(StoreError)

  /// Returns once what programs wrote to a branch before the call is in the branch, and durable.
  func writeDirtyPages(of branch: String) throws(StoreError)
}

/// A door that is a mount.
package protocol MountDoor: Door {
  /// As it was opened.
  var mount: MountAnswer { get }

  /// Shows the files of one user and group of a branch under another number from now on; what is
  /// open of the branch goes stale if that is a change.
  func show(entry: UInt64, storedUserID: UInt32, storedGroupID: UInt32, asUserID: UInt32)

  /// Shows all files of a branch as whose they are, again.
  func showAsStored(entry: UInt64)
}

/// A process that uses files of a branch or snapshot through a door.
package struct DoorUser: Hashable, Sendable {
  package var process: Int32
  /// Its program's name.
  package var name: String
  /// As whom it runs; `nil` when it has ended.
  package var userID: UInt32?
  /// The branch or snapshot.
  package var entry: String
  /// Files that it has open or mapped.
  package var fileCount: Int
  /// Whether its working directory is one of the entry's.
  package var isWorkingThere: Bool

  package init(
    process: Int32, name: String, userID: UInt32?, entry: String, fileCount: Int,
    isWorkingThere: Bool
  ) {
    self.process = process
    self.name = name
    self.userID = userID
    self.entry = entry
    self.fileCount = fileCount
    self.isWorkingThere = isWorkingThere
  }

  /// Whether it would miss the entry: a PostgreSQL server does also while it has no file open, a
  /// shell that only stands in a directory does not.
  var isAffected: Bool {
    fileCount > 0 || isWorkingThere && RunningPostgreSQL.isServer(name)
  }
}

/// The open doors of a store; none without a server.
package final class Doors: Sendable {
  private struct State {
    var doors: [any Door] = []
    var threads: [SystemThread] = []
    var isClosing = false
  }

  private let state = Mutex(State())
  private let whenLastCloses: @Sendable () -> Void

  /// `whenLastCloses` is called each time that no door is left, but not by `closeAll`.
  package init(whenLastCloses: @escaping @Sendable () -> Void = {}) {
    self.whenLastCloses = whenLastCloses
  }

  /// The doors in the order in which they were opened.
  package var all: [any Door] { state.withLock { $0.doors } }

  /// Those of them that are mounts.
  package var mounts: [MountAnswer] { all.compactMap { ($0 as? any MountDoor)?.mount } }

  /// Keeps a door until it is closed.
  package func add(_ door: any Door) throws(StoreError) {
    do throws(SystemError) {
      try state.withLock { state throws(SystemError) in
        state.doors.append(door)
        state.threads.append(
          try SystemThread(name: "door") { [self] in
            door.waitUntilClosed()
            remove(door)
          })
      }
    } catch {
      throw StoreError(error, while: "starting a thread")
    }
  }

  private func remove(_ door: any Door) {
    let isLast = state.withLock { state in
      state.doors.removeAll { $0 === door }
      return state.doors.isEmpty && !state.isClosing
    }
    if isLast { whenLastCloses() }
  }

  /// The processes that would miss what is behind the doors.
  package var users: [DoorUser] { all.flatMap(\.users).filter(\.isAffected) }

  /// The processes that are inside of a door, also those that only stand in a directory there.
  package var visitors: [DoorUser] { all.flatMap(\.users) }

  /// Has what programs wrote to a branch through any door reach the branch.
  package func writeDirtyPages(of branch: String) throws(StoreError) {
    for door in all { try door.writeDirtyPages(of: branch) }
  }

  /// Closes all doors, also when some of them fail; throws the first failure.
  package func closeAll() throws(StoreError) {
    let (doors, threads) = state.withLock { state in
      state.isClosing = true
      return (state.doors, state.threads)
    }
    var failure: StoreError?
    for door in doors {
      do throws(StoreError) {
        try door.close()
      } catch {
        failure = failure ?? error
      }
    }
    if let failure { throw failure }
    for thread in threads { thread.join() }
  }
}
