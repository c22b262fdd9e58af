package import CoppiceEngine
internal import CoppiceFormat
package import CoppicePlatform
internal import Synchronization

/// A store of branches, opened by this process.
///
/// One process owns a store for writing at a time. All methods may be called from any thread. What
/// changes branches and snapshots as a whole is durable on return. Errors besides those listed:
/// `denied` for changes of a store opened for reading only, `full`, `corrupt`, and `unavailable`
/// after `close` or a failure of the journal.
public final class Store: Sendable {
  /// Where the store is; as it was given.
  public let directory: String
  /// What the commands reach below the library for.
  package let engine: Engine
  /// One tree for each entry in use, so that all users of a branch share its writer's lock.
  let trees = Mutex<[BranchID: FileTree]>([:])
  let watchers: StoreWatchers
  let space: SpaceWatch

  private init(_ engine: Engine, directory: String, _ watchers: StoreWatchers, _ space: SpaceWatch)
  {
    self.engine = engine
    self.directory = directory
    self.watchers = watchers
    self.space = space
  }

  /// The clock that all of the store's times are by.
  package var clock: any StoreClock { engine.clock }

  // MARK: Opening and closing

  /// Makes an empty store in a directory, which is created or is empty, and opens it. The directory
  /// is this user's alone from then on.
  /// Throws `conflict` for a directory with anything in it, `invalid` for an impossible page size.
  public static func create(
    at directory: String, options: Options = Options()
  ) throws(StoreError) -> Store {
    try create(at: directory, options: options, secret: nil)
  }

  /// As the public one, of a family.
  ///
  /// - Parameter secret: what the family's hashes are made with; `nil` begins another one.
  package static func create(
    at directory: String, options: Options, secret: [UInt8]?
  ) throws(StoreError) -> Store {
    let disk: DirectoryDisk
    do throws(SystemError) {
      disk = try DirectoryDisk(path: directory, creating: true)
    } catch {
      throw StoreError(error, while: "creating the store's directory")
    }
    var generator = SystemRandomNumberGenerator()
    let store: Store
    do throws(StoreError) {
      store = try create(
        disk: disk, clock: SystemClock(), directory: directory, EngineOptions(options)
      ) { count in
        if let secret, count == secret.count { return secret }
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
      }
    } catch {
      var error = error
      if error.object.isEmpty { error.object = directory }
      throw error
    }
    // A directory of another user's stays as it is: `warnings` tell of it.
    try? disk.makePrivate()
    return store
  }

  /// Opens a store; after a crash it is what it was at the last flush, or a little later.
  /// Throws `notFound`, `inUse` when another process has it open, `unsupportedFormat`, `corrupt`.
  public static func open(
    at directory: String, options: Options = Options()
  ) throws(StoreError) -> Store {
    try open(
      disk: disk(at: directory), clock: SystemClock(), directory: directory,
      EngineOptions(options))
  }

  /// The files of a store, for what reads or mends them without opening it too. Throws `notFound`.
  package static func disk(at directory: String) throws(StoreError) -> DirectoryDisk {
    do throws(SystemError) { return try DirectoryDisk(path: directory, creating: false) } catch {
      var failure = StoreError(error, while: "opening the store")
      if failure.kind == .notFound {
        failure.message = "there is no store here"
        failure.remedy = "make one with \(step: .create)"
      }
      throw failure
    }
  }

  /// As the public one, on any disk; `random` yields as many bytes as it is asked for.
  package static func create(
    disk: any Disk, clock: any StoreClock, directory: String = "",
    _ options: EngineOptions = EngineOptions(), random: (Int) -> [UInt8]
  ) throws(StoreError) -> Store {
    try Engine.create(disk: disk, clock: clock, options: options, random: random)
    return try open(disk: disk, clock: clock, directory: directory, options)
  }

  /// As the public one, on any disk.
  package static func open(
    disk: any Disk, clock: any StoreClock, directory: String = "",
    _ options: EngineOptions = EngineOptions()
  ) throws(StoreError) -> Store {
    let watchers = StoreWatchers()
    var options = options
    options.noticed = { notice in
      guard let warning = GrowthWarning(notice) else { return }
      watchers.tell(.growth(warning))
    }
    let space = SpaceWatch(clock) {
      if !directory.isEmpty, let space = try? HostSpace(at: directory) {
        return (space.freeByteCount, space.byteCount)
      }
      // Of a disk that is none of the machine's only one of the two is known.
      return (try? disk.freeByteCount()).map { ($0, 0) }
    }
    let engine = try Engine.open(disk: disk, clock: clock, options: options)
    return Store(engine, directory: directory, watchers, space)
  }

  /// Writes all changes to segments and gives the store up; later calls throw `unavailable`.
  /// A process that ends without it loses nothing that was flushed: the next opening replays the
  /// journal.
  /// - Parameter sealingAtMost: with more bytes of changes than that in memory only, they stay in
  ///   the journal: closing takes no time and no room for them then, the next opening does.
  public func close(sealingAtMost byteCountMax: Int = .max) throws(StoreError) {
    let open = trees.withLock { trees in
      defer { trees = [:] }
      return Array(trees.values)
    }
    defer { for tree in open { tree.core.replace {} } }
    try engine.close(sealingAtMost: byteCountMax)
  }

  /// What whoever uses the store should know of it, one sentence each: that other users can read
  /// its files. To be shown after opening; empty when all is well.
  public var warnings: [String] { Self.warnings(of: directory) }

  /// As the property, of a store that need not be open.
  package static func warnings(of directory: String) -> [String] {
    do throws(SystemError) {
      let permissions = try HostDirectory(path: directory).status().permissions
      guard permissions & 0o077 != 0 else { return [] }
      return [
        "other users can enter the store \(directory), whose mode is "
          + "\(String(permissions, radix: 8)): chmod -R go= \(directory)"
      ]
    } catch {
      // There is no such directory, or it is closed even to this user.
      return []
    }
  }

  /// Bytes of a page: what `Options.pageByteCount` was at creation.
  public var pageByteCount: Int { engine.pageByteCount }
  /// Whether the store was opened for reading only.
  public var isReadOnly: Bool { engine.options.isReadOnly }
  /// A UUID, given at creation.
  public var identifier: String { engine.storeUUID.description }
}
