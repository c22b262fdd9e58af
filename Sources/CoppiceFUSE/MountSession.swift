internal import Coppice
internal import CoppiceEngine
internal import CoppicePlatform
internal import Synchronization

/// What the threads of a mount share.
final class MountSession: Sendable {
  /// Bytes of the largest read and write.
  static let transferByteCountMax = 1 << 20
  /// Each has a thread and, once large requests came by it, 1 MiB.
  private static let ringCountMax = 128
  /// Requests that wait, for a sync or for the disk, keep theirs.
  private static let ringCountPerCoreMin = 4

  let store: Store
  let directory: String
  let options: Mount.Options
  let branches: BranchTable
  let owners = OwnerTable()
  let handles = HandleTable()
  let sizeLocks = StripedMutex()
  let chores = ChoreQueue()
  let entryOrder: EntryOrder
  /// Part of every file handle, so that those of one mount are stale in the next: the same `NodeID`
  /// is another file's there. The kernel knows the top directory's to be 0.
  let generation = UInt32.random(in: 1 ... .max)
  let place: MountPlace
  private let claim: MountClaim
  private let clock = SystemClock()
  /// For notifications: they are no answers, so any descriptor does. `nil` when the end has come.
  private let notifications: Mutex<FUSEDevice?>
  private let ending = Monitor()
  /// The threads that serve requests: what they change themselves the kernel knows.
  private let servers = Mutex<Set<UInt32>>([])

  init(
    _ store: Store, _ claim: MountClaim, _ place: MountPlace, device: FUSEDevice,
    options: Mount.Options
  ) {
    self.store = store
    self.claim = claim
    self.place = place
    directory = place.directory
    self.options = options
    branches = BranchTable(store)
    entryOrder = store.entryOrder
    notifications = Mutex(device)
  }

  /// The current thread serves requests from here on.
  func noteServer() {
    let number = SystemThread.currentNumber
    _ = servers.withLock { $0.insert(number) }
  }

  /// The places of requests by rings, the same number for each core. None on a machine with very
  /// many cores, or that lets this process have no io_uring: requests are read from the device
  /// then.
  func makeRings() -> [FUSERing] {
    let coreCount = SystemThread.possibleCoreCount
    let countPerCore = min(
      max(Self.ringCountPerCoreMin, options.threadCount), Self.ringCountMax / coreCount)
    guard countPerCore >= Self.ringCountPerCoreMin else { return [] }
    var rings: [FUSERing] = []
    do throws(SystemError) {
      for index in 0..<coreCount * countPerCore {
        rings.append(
          try FUSERing(
            core: index % coreCount, payloadByteCountMax: Self.transferByteCountMax))
      }
      return rings
    } catch {
      options.log("requests are read from the device: \(error)")
      return []
    }
  }

  // MARK: The end

  var isUnmounted: Bool { notifications.withLock { $0 == nil } }

  /// The file system is mounted no more, so that nothing need be told to the kernel.
  func endConnection() {
    notifications.withLock { $0 = nil }
    claim.release()
    chores.end()
    place.changes.wake()
    ending.withLock { ending.broadcast() }
  }

  /// Waits until the file system is mounted nowhere any more; returns whether it is so in time.
  func waitForEnd(nanoseconds: UInt64) -> Bool {
    let deadline = clock.monotonicNanoseconds() + nanoseconds
    return ending.withLock {
      while !isUnmounted, clock.monotonicNanoseconds() < deadline {
        _ = ending.wait(untilMonotonicNanoseconds: deadline)
      }
      return isUnmounted
    }
  }

  /// Takes the mount out of the tree, and ends all requests to it.
  func abort() {
    do throws(SystemError) {
      if try place.isInDirectory() { try FUSEMounting.abort(directory) }
      if !isUnmounted { try place.abort() }
    } catch {
      options.log("the mount ends with this process: \(error)")
    }
    endConnection()
  }

  /// Ends the use of all files. The kernel sends no closing and forgetting requests when it
  /// unmounts.
  func closeAll() {
    endConnection()
    handles.closeAll()
    for tree in branches.trees { tree.releaseAll() }
  }

  /// Makes everything that came through the mount durable.
  func flush() throws(StoreError) {
    for tree in branches.trees {
      guard let branch = tree as? Branch, !branch.isReadOnly else { continue }
      do throws(StoreError) { try branch.flush() } catch {
        // A branch deleted meanwhile has nothing to keep.
        if error.kind != .notFound { throw error }
      }
    }
  }

  // MARK: What the kernel holds back

  func writeDirtyPages() throws(StoreError) {
    try writeDirtyPages(handles.openFiles { _ in true })
  }

  func writeDirtyPages(of branch: String) throws(StoreError) {
    let tree = try store.tree(branch)
    try writeDirtyPages(handles.openFiles { $0.file.tree === tree })
    try (tree as? Branch)?.flush()
  }

  /// Only files open for writing have pages that the kernel holds back: closing a file, and
  /// unmapping it, writes them.
  private func writeDirtyPages(_ open: [OpenFile]) throws(StoreError) {
    var synced: Set<UInt64> = []
    for handle in open where handle.access != .read && synced.insert(handle.node).inserted {
      guard let name = branches.name(of: handle.node),
        let path = try? handle.file.tree.path(of: handle.file.id)
      else { continue }
      do throws(SystemError) {
        let parts = [Array(name.utf8)] + path.components.map(\.bytes)
        try HostDirectory(path: directory).openDirectory(at: parts.dropLast())
          .openFile(parts[parts.count - 1]).sync()
      } catch {
        if error.isMissing || error.isWithoutServer { continue }
        throw StoreError(error, while: "writing the kernel's dirty pages")
      }
    }
  }

  // MARK: What changes by other doors

  /// Has the kernel forget what is not so any more.
  func invalidate(_ change: StoreChange) {
    switch change {
    case .added, .growth:
      return
    case .removed:
      break
    case .replaced(let entry):
      let index = branches.index(of: entry)
      branches.retire(entry)
      // Files that are open would go on being read from the kernel's memory.
      for file in handles.openFiles(where: { NodeID(rawValue: $0.node).index == index }) {
        _ = send(.inode(NodeID(rawValue: file.node)))
      }
    case .files(let entry, let change):
      let number = SystemThread.currentNumber
      if servers.withLock({ $0.contains(number) }) { return }
      return invalidate(change, of: entry)
    }
    for name in branches.takeOutdatedNames() { notify(.entry(NodeID.top, name)) }
  }

  private func invalidate(_ change: TreeChange, of entry: UInt64) {
    guard let index = branches.index(of: entry) else { return }
    switch change {
    case .content(let file):
      notify(.inode(NodeID(index, file)))
    case .names(let names, let files):
      for name in names {
        notify(.entry(NodeID(index, name.directory), name.name.bytes))
      }
      for file in files { notify(.inode(NodeID(index, file))) }
    }
  }

  private static let pauseNanoseconds: UInt64 = 200_000
  private static let attemptCountMax = 10_000

  /// Returns once the kernel believes nothing else any more, also not by an answer that it has not
  /// taken yet.
  func notify(_ notification: Notification) {
    for _ in 0..<Self.attemptCountMax {
      guard isKnown(notification.node), !send(notification) else { return }
      guard case .inode = notification else { return }
      // The kernel is about to take an answer that it was given, or to tell that it has forgotten
      // the file.
      if waitForEnd(nanoseconds: Self.pauseNanoseconds) { return }
    }
  }

  /// Whether the kernel was told of a file and has not told that it has forgotten it.
  private func isKnown(_ node: NodeID) -> Bool {
    node == .top || branches.treeIfPresent(node)?.isRetained(node.file) ?? false
  }

  /// Returns whether the kernel took it: it does not know the file or name otherwise.
  private func send(_ notification: Notification) -> Bool {
    guard let device = notifications.withLock({ $0 }) else { return true }
    do throws(SystemError) {
      try notification.withBytes { bytes throws(SystemError) in try device.send(bytes) }
    } catch {
      if error.isMissing { return false }
      // The mount is being taken down.
      if error.isWithoutServer { return true }
      options.log("the kernel refused a notification: \(error)")
    }
    return true
  }

  // MARK: Failures

  private let lastLogged = Mutex<[StoreError.Kind: UInt64]>([:])

  /// Logs what an administrator should know of: at most one line a second of each kind.
  func note(_ error: StoreError) {
    switch error.kind {
    case .corrupt, .full, .unavailable: break
    default: return
    }
    if error.reason == .stale { return }
    let now = clock.monotonicNanoseconds()
    let isDue = lastLogged.withLock { last in
      if let before = last[error.kind], now < before + 1_000_000_000 { return false }
      last[error.kind] = now
      return true
    }
    if isDue { options.log(options.errorText(error)) }
  }
}
