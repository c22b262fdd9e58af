package import CoppiceFormat
package import CoppicePlatform

/// A store of branches of volumes of pages, opened by one process: what it is made of, and those
/// who act on it, wired together.
///
/// The engine is synchronous and thread-safe. With `usesThreads` its own threads seal, checkpoint
/// and prepare; without, the owner drives it step by step.
package final class Engine: @unchecked Sendable {
  package let core: StoreCore
  /// The last record that opening found.
  package let recoveredLSN: LSN
  package let checkpointer: Checkpointer
  package let sealer: Sealer
  package let branches: Branches
  /// Between writers, and memory and room.
  package let pressure: Pressure
  let maintenance = Maintenance()
  package let collector: GarbageCollector
  package let accounts: Accounts
  package let checks: Checks
  package let imports: Imports

  init(_ opened: OpenedStore, options: EngineOptions) throws(StoreError) {
    recoveredLSN = opened.journal.endLSN
    let usesThreads = options.usesThreads
    core = StoreCore(opened, options: options) { [maintenance] in
      if usesThreads { maintenance.wake() }
    }
    checkpointer = Checkpointer(core)
    let thread = CollectorThread()
    sealer = try Sealer(core, checkpointer) { thread.wake() }
    pressure = Pressure(core, sealer, checkpointer) { thread.wake() }
    branches = Branches(core, pressure, checkpointer) { thread.wake() }
    collector = GarbageCollector(core, sealer, checkpointer, pressure, thread)
    accounts = Accounts(core: core)
    checks = Checks(core: core, checkpointer: checkpointer)
    imports = Imports(core: core, sealer: sealer, branches: branches)
  }
}

extension Engine {
  package var disk: any Disk { core.disk }
  package var clock: any StoreClock { core.clock }
  package var options: EngineOptions { core.options }
  package var superblock: Superblock { core.superblock }
  package var secret: HashSecret { core.secret }
  package var journal: Journal { core.journal }
  package var pageByteCount: Int { core.pageByteCount }
  package var storeUUID: StoreUUID { core.superblock.uuid }

  /// A branch's name, for messages.
  package func name(of id: BranchID) -> String { core.name(of: id) }
}
