import Coppice
import CoppiceEngine
import TestSupport

/// A store on a simulated disk, which is cut off and opened again. Its keys and proofs are in a
/// folder of the machine, as they are beside any store.
final class SimulatedStore {
  let disk = SimulatedDisk(seed: 1)
  let clock: SimulatedClock
  let folder: TemporaryFolder
  private(set) var store: Store

  init(clock: SimulatedClock = SimulatedClock()) throws {
    self.clock = clock
    folder = try TemporaryFolder()
    var generator = SplitMix64(seed: 7)
    store = try Store.create(disk: disk, clock: clock, directory: folder.path, Self.options) {
      generator.bytes($0)
    }
  }

  private static var options: EngineOptions {
    var options = EngineOptions()
    options.pageByteCount = 4096
    options.usesThreads = false
    return options
  }

  /// What was not synced is gone with a seed, and there without one.
  func crash(seed: UInt64?) throws {
    if let seed { disk.crash(seed: seed) } else { disk.kill() }
    store.engine.abandon()
    try open()
  }

  func open() throws {
    store = try Store.open(disk: disk, clock: clock, directory: folder.path, Self.options)
  }
}
