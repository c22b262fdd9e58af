import Coppice
import CoppiceEngine
import CoppicePlatform
import TestSupport

/// A store on a simulated disk, with an engine that runs no threads.
final class StoreFixture {
  let disk = SimulatedDisk(seed: 1)
  let clock = SimulatedClock()
  var options: EngineOptions
  private(set) var store: Store

  init(pageByteCount: Int = 4096) throws {
    options = EngineOptions()
    options.pageByteCount = pageByteCount
    options.usesThreads = false
    options.overlayByteCountMax = 8 << 20
    options.pageCacheByteCount = 1 << 20
    options.nodeCacheByteCount = 1 << 20
    options.windowByteCount = 1 << 16
    options.sealByteCount = 2 << 20
    var generator = SplitMix64(seed: 7)
    store = try Store.create(disk: disk, clock: clock, options) { generator.bytes($0) }
  }

  func reopen() throws {
    try store.close()
    store = try Store.open(disk: disk, clock: clock, options)
  }

  /// Opens what a repair makes of the store without its catalogues.
  func loseCatalogues() throws {
    try store.close()
    for file in disk.fileNames() where file.hasPrefix("catalogue-") {
      try disk.setContents(of: file, to: [])
    }
    var repair = RepairOptions()
    repair.acceptsLoss = true
    _ = try Engine.repair(disk: disk, clock: clock, options: options, repair)
    store = try Store.open(disk: disk, clock: clock, options)
  }

  /// Cuts the power and opens again.
  func crash(seed: UInt64) throws {
    disk.crash(seed: seed)
    store.engine.abandon()
    store = try Store.open(disk: disk, clock: clock, options)
  }
}
