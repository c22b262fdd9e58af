internal import Coppice
internal import CoppiceEngine
internal import CoppiceFormat
internal import CoppicePlatform
internal import CoppicePools

extension Store {
  /// What tells whether the store's pages can be a pool's.
  var family: PoolFamily {
    PoolFamily(pageShift: engine.superblock.pageShift, secret: engine.superblock.secret)
  }
}

extension RequestContext {
  /// A way to a pool that is only read.
  func connection(_ remote: String) throws(StoreError) -> PoolConnection {
    try PoolConnection(try RemoteRegistry(store).remote(remote), in: store.directory)
  }

  /// A way to a pool that is changed: its object store has passed a probe, now or before.
  func writableConnection(_ remote: String) throws(StoreError) -> PoolConnection {
    let registry = RemoteRegistry(store)
    var known = try registry.remote(remote)
    if known.tagStyle == nil {
      let report = try PoolConnection(known, in: store.directory).probe()
      known = try registry.change(remote) { $0.tagStyle = report.tagStyle.rawValue }
    }
    return try PoolConnection(known, in: store.directory)
  }

  /// Opens a pool of the store's family, and reads what it lists.
  func read(_ connection: PoolConnection) throws(StoreError) -> PoolReading {
    let reading = try PoolUse.of(connection, by: store).read(connection, of: store)
    try reading.head.require(store.family)
    return reading
  }
}
