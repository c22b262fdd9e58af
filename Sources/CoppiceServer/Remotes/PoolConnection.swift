internal import Coppice
internal import CoppiceEngine
internal import CoppiceFormat
internal import CoppicePlatform
internal import CoppicePools
internal import CoppiceS3

/// A way to a pool: connections to its object store, and the key that opens it. Closed when
/// released.
final class PoolConnection: Sendable {
  /// `BUCKET/PREFIX`, as the pool's head has it.
  let place: String
  let outer: OuterKey
  let settings: S3Settings
  let objects: S3Store

  private static let random = RandomSource(SystemRandomNumberGenerator())
  private static let clock = SystemClock()
  /// After which a pool is given up that never answered.
  private static let beginning = Duration.seconds(10)

  init(_ place: RemotePlace, _ outer: OuterKey, _ style: TagStyle?) throws(StoreError) {
    var settings = try place.settings()
    if let style { settings.tagStyle = style }
    self.settings = settings
    self.place = "\(settings.location.bucket)/\(settings.location.prefix)"
    self.outer = outer
    do throws(ObjectStoreError) { objects = try S3Store(settings) } catch {
      throw StoreError(error, while: "connecting", object: place.url)
    }
  }

  /// The way that a store's settings have. Throws `denied` for the key of another pool, and what
  /// reading the key throws.
  ///
  /// - Parameter directory: the store's.
  convenience init(_ remote: RemoteSettings, in directory: String) throws(StoreError) {
    let outer = try remote.place.key(outsideOf: directory)
    guard outer.pool.description == remote.pool else {
      throw StoreError(
        .denied, "is the key of the pool \(outer.pool), not of \(remote.pool)",
        object: remote.place.keyFile ?? "the key command",
        remedy: "put the key of this pool there")
    }
    try self.init(remote.place, outer, remote.tagStyle.flatMap { TagStyle(rawValue: $0) })
  }

  /// What a pool of this store is reached by. Makes the folder for its notes.
  func site(of store: Store, keepsNotes: Bool = true) throws(StoreError) -> PoolSite {
    let disk = store.engine.disk
    return PoolSite(
      store: objects, place: place, outer: outer, disk: disk,
      folder: try Self.folder(of: outer.pool, on: disk),
      patience: Patience(clock: Self.clock, beginning: Self.beginning) { pause in
        let parts = pause.components
        Pause().wait(
          nanoseconds: UInt64(parts.seconds) * 1_000_000_000
            + UInt64(parts.attoseconds / 1_000_000_000))
      },
      random: Self.random, keepsNotes: keepsNotes)
  }

  private static let foldersName = "remotes"

  private static func folder(
    of pool: StoreUUID, on disk: any Disk
  ) throws(StoreError) -> String {
    let name = "\(foldersName)/\(pool)"
    do throws(SystemError) {
      if try disk.list(foldersName).contains(pool.description) { return name }
      for (folder, above) in [(foldersName, ""), (name, foldersName)] {
        do throws(SystemError) { try disk.makeDirectory(folder) } catch {
          guard error.isExisting else { throw error }
        }
        try disk.syncDirectory(above)
      }
      return name
    } catch {
      throw StoreError(error, while: "making the folder for what is known of the pool")
    }
  }

  /// Whether the object store keeps the promises that a pool builds on: some hundred small objects
  /// are written, at each address that the endpoint has, and removed.
  ///
  /// Throws `invalid` for one that must not be used, and names what it breaks.
  func probe() throws(StoreError) -> ProbeReport {
    let settings = settings
    do throws(ObjectStoreError) {
      let addresses = try settings.endpoint.addresses()
      return try ObjectStoreProbe(
        token: Self.random.next(), pool: try Self.writers()
      ) { style throws(ObjectStoreError) in
        try addresses.map { address throws(ObjectStoreError) in
          var settings = settings
          settings.tagStyle = style
          settings.address = address
          return try S3Store(settings)
        }
      }.run()
    } catch {
      var failure = StoreError(error, while: "the probe of the object store", object: place)
      if failure.kind == .invalid, failure.remedy.isEmpty {
        failure.remedy = "use another object store: this one would lose what is written to a pool"
      }
      throw failure
    }
  }

  private static func writers() throws(ObjectStoreError) -> WorkerPool {
    do throws(SystemError) {
      return try WorkerPool(threadCount: ObjectStoreProbe.writerCount, name: "probe")
    } catch {
      throw ObjectStoreError(.unreachable, "the machine has no room for threads", cause: "\(error)")
    }
  }

  /// The pool whose head lies there, whatever its key; `nil` where there is none.
  func poolThere() throws(StoreError) -> StoreUUID? {
    try contents(of: .head).map { bytes throws(StoreError) in try HeadObject.plain(bytes).pool }
  }

  /// An object as it is now, with nothing noted of it; `nil` where there is none.
  func contents(of name: PoolObjectName) throws(StoreError) -> [UInt8]? {
    do throws(ObjectStoreError) {
      return try objects.get(ObjectKey(known: name.key), nil).bytes
    } catch {
      if error.kind == .missing { return nil }
      throw StoreError(error, while: "reading the pool", object: place)
    }
  }
}
