public import Coppice
internal import CoppiceEngine
internal import CoppicePlatform
internal import Synchronization

/// A store mounted on a directory: every branch is a directory in it, every snapshot a read-only
/// one.
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
    /// How many requests are served at once; with rings, of each core, four to this many.
    public var threadCount = 8
    /// Requests come by rings where the kernel offers them: memory that it shares, which makes
    /// small requests up to twice as fast. Linux has them from 6.14 on; root has it offer them, by
    /// /sys/module/fuse/parameters/enable_uring, for as long as mounting takes.
    public var wantsRings = true
    /// Users besides the one who mounts may use it, as permissions allow. Without root that needs
    /// `user_allow_other` in /etc/fuse.conf.
    public var allowsOthers = FUSEMounting.isPrivileged
    /// Takes one line for each thing that an administrator should know.
    public var log: @Sendable (String) -> Void = { _ in }
    /// The words for errors of the store that are logged. Default: those of the library.
    public var errorText: @Sendable (StoreError) -> String = \.description

    public init() {}
  }

  /// Where it is mounted: an absolute path without symbolic links.
  public let directory: String
  /// Whether requests come by rings: asked for, and offered by the kernel.
  public let usesRings: Bool
  let session: MountSession
  private let threads: [SystemThread]
  private let helpers: [SystemThread]
  private let watch: StoreWatch
  private let isStopped = Mutex(false)

  /// Mounts the store and serves it. A mount that a killed server left behind is detached first.
  ///
  /// Throws `notFound` for the directory, `conflict` when it is not empty, `inUse` when something
  /// is mounted there or the store is mounted already, `invalid` when it lies in the store,
  /// `denied` and `unavailable` when the machine does not let this process mount; the remedy says
  /// what to install or allow.
  public init(
    _ store: Store, at directory: String, options: Options = Options()
  ) throws(StoreError) {
    let place = try MountPoint(directory, store: store, log: options.log)
    self.directory = place.directory
    let connect = { () throws(StoreError) in try MountConnection(store, place, options) }
    let connection =
      options.wantsRings ? try RingSetting.turningOn(connect) : try connect()
    session = connection.session
    usesRings = !connection.rings.isEmpty
    do throws(SystemError) {
      helpers = [
        try SystemThread(name: "mount chores") { [session] in session.doChores() },
        try SystemThread(name: "mount place") { [session] in session.watchPlace() },
      ]
      threads = try connection.startThreads()
    } catch {
      connection.session.abort()
      throw StoreError(error, while: "starting the mount")
    }
    watch = store.watch { [session] change in session.invalidate(change) }
  }

  deinit {
    // A mount whose end nobody asked for has nobody to tell.
    try? stop()
  }

  /// Returns when the file system is mounted no more, whoever unmounted it.
  public func waitUntilUnmounted() {
    for thread in threads { thread.join() }
    session.closeAll()
    for helper in helpers { helper.join() }
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
        session.options.log(session.options.errorText(error))
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
    if try session.place.isInDirectory() {
      do throws(SystemError) {
        try FUSEMounting.unmount(directory)
      } catch {
        if session.isUnmounted { return }
        session.options.log(
          "\(directory) is in use (\(openCount) open files); unmounting it all the same")
        try FUSEMounting.abort(directory)
      }
    }
    // A bind mount or another mount namespace may show it still.
    if session.waitForEnd(nanoseconds: MountSession.patienceNanoseconds) { return }
    session.options.log("\(directory) is shown elsewhere too; ending it there all the same")
    try session.place.abort()
  }

  /// Returns once what programs wrote to files of a branch before the call is in the branch and
  /// survives a power cut: also what the kernel still held back, of memory maps and with
  /// `usesWritebackCache`. A fork made after it has all of that. Throws `notFound`.
  public func writeDirtyPages(of branch: String) throws(StoreError) {
    try session.writeDirtyPages(of: branch)
  }
}
