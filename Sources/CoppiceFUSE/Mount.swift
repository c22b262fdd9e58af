public import Coppice
internal import CoppicePlatform
internal import Synchronization

/// A store mounted on a directory: every branch is a directory in it, every snapshot a read-only one.
///
/// Branches are there as soon as they exist and gone as soon as they are deleted, whichever door of
/// the store did it. The mount serves until `stop`, until someone else unmounts it, or until the
/// object is released.
public final class Mount: Sendable {
  /// How to mount. The defaults are right for databases.
  public struct Options: Sendable {
    /// Lets the kernel gather writes and send them later. Bulk loads are faster; a page written by
    /// one call may then be stored in two parts, and lack of room shows only at fsync. Off, each
    /// write of up to 1 MiB is one atomic change.
    public var usesWritebackCache = false
    /// How many requests are served at once; with rings, at least four for each core.
    public var threadCount = 8
    /// Takes requests by rings in shared memory where the kernel offers them, which makes small writes
    /// several times as fast: from Linux 6.14, once an administrator has written `Y` to
    /// /sys/module/fuse/parameters/enable_uring.
    public var usesRings = true
    /// Users besides the one who mounts may use it, as permissions allow. Without root that needs
    /// `user_allow_other` in /etc/fuse.conf.
    public var allowsOthers = FUSEMounting.isPrivileged
    /// Takes one line for each thing that an administrator should know.
    public var log: @Sendable (String) -> Void = { _ in }

    public init() {}
  }

  /// Where it is mounted: an absolute path without symbolic links.
  public let directory: String
  /// Whether requests come by rings: asked for, and offered by the kernel.
  public let usesRings: Bool
  private let session: MountSession
  private let threads: [SystemThread]
  private let notifier: SystemThread
  private let watch: StoreWatch
  private let isStopped = Mutex(false)

  /// Mounts the store and serves it. A mount that a killed server left behind is detached first.
  ///
  /// Throws `notFound` for the directory, `conflict` when it is not empty, `inUse` when something is
  /// mounted there, `invalid` when it lies in the store, `denied` and `unavailable` when the machine
  /// does not let this process mount; the remedy says what to install or allow.
  public init(
    _ store: Store, at directory: String, options: Options = Options()
  ) throws(StoreError) {
    let place = try MountPoint(directory, store: store, log: options.log)
    self.directory = place.directory
    let device = try place.mount(allowsOthers: options.allowsOthers)
    let session = MountSession(store, directory: place.directory, device: device, options: options)
    self.session = session
    do throws(SystemError) {
      // The first request settles the terms of the connection; only then can there be more devices.
      let rings = try RequestServer(session, DeviceChannel(device)).answerFirst()
      notifier = try SystemThread(name: "mount notes") { session.sendQueued() }
      usesRings = !rings.isEmpty
      threads =
        rings.isEmpty
        ? try Self.startThreads(session, device, count: max(options.threadCount, 1))
        : try Self.startThreads(session, device, rings)
    } catch {
      // The error that ended it is the one to tell.
      try? FUSEMounting.abort(place.directory)
      session.endConnection()
      throw StoreError(error, while: "starting the mount")
    }
    watch = store.watch { [session] change in session.invalidate(change) }
  }

  deinit {
    // A mount whose end nobody asked for has nobody to tell.
    try? stop()
  }

  private static func startThreads(
    _ session: MountSession, _ device: FUSEDevice, count: Int
  ) throws(SystemError) -> [SystemThread] {
    var threads: [SystemThread] = []
    for index in 0..<count {
      let own = index == 0 ? device : try device.clone()
      threads.append(
        try SystemThread(name: "mount \(index)") {
          RequestServer(session, DeviceChannel(own)).run()
        })
    }
    return threads
  }

  /// Each ring has a thread that stays on the core whose requests the ring gets.
  private static func startThreads(
    _ session: MountSession, _ device: FUSEDevice, _ rings: [FUSERing]
  ) throws(SystemError) -> [SystemThread] {
    // What the kernel does not send by rings: what it forgets, and what it would interrupt.
    var threads = try startThreads(session, device, count: 1)
    let coreCount = SystemThread.possibleCoreCount
    for (index, ring) in rings.enumerated() {
      let core = index % coreCount
      threads.append(
        try SystemThread(name: "mount ring \(index)") {
          // A core that is switched off has no requests either.
          SystemThread.stay(on: core)
          RequestServer(session, RingChannel(ring, device: device, core: UInt16(core))).run()
        })
    }
    return threads
  }

  /// Returns when the file system is mounted no more, whoever unmounted it.
  public func waitUntilUnmounted() {
    for thread in threads { thread.join() }
    session.closeAll()
    notifier.join()
  }

  /// Writes what the kernel holds back, makes all changes durable and unmounts. Programs that still
  /// have files of it open get errors from then on. Does nothing when it is unmounted already.
  ///
  /// Throws when the directory cannot be taken out of the tree, or changes cannot be made durable;
  /// it can be called again then.
  public func stop() throws(StoreError) {
    try isStopped.withLock { isStopped throws(StoreError) in
      if isStopped { return }
      let openCount = session.handles.fileCount
      do throws(StoreError) { try session.writeDirtyPages() } catch {
        // A file that its owner hides from this user must not keep the mount.
        guard error.kind == .denied else { throw error }
        session.options.log("\(error)")
      }
      do throws(SystemError) {
        try unmount(openCount: openCount)
      } catch {
        throw StoreError(error, while: "unmounting")
      }
      isStopped = true
      waitUntilUnmounted()
      try session.flush()
    }
  }

  private func unmount(openCount: Int) throws(SystemError) {
    do throws(SystemError) {
      try FUSEMounting.unmount(directory)
    } catch {
      if session.isUnmounted || error.isNotMounted { return }
      session.options.log(
        "\(directory) is in use (\(openCount) open files); unmounting it all the same")
      try FUSEMounting.abort(directory)
      session.endConnection()
    }
  }

  /// Returns once what programs wrote to files of a branch before the call is in the branch and
  /// survives a power cut: also what the kernel still held back, of memory maps and with
  /// `usesWritebackCache`. A fork made after it has all of that. Throws `notFound`.
  public func writeDirtyPages(of branch: String) throws(StoreError) {
    try session.writeDirtyPages(of: branch)
  }
}
