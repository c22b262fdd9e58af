import CoppiceEngine
import CoppiceFormat
import CoppicePlatform
import Glibc
import TestSupport
import Testing

/// What nobody asks to be synced.
struct JournalSyncTests {
  @Test func `what has waited long enough is synced, and nothing else`() throws {
    let store = try TestStore()
    let main = try store.engine.branches.create(named: "main")
    let journal = store.engine.journal
    let start = store.clock.monotonicNanoseconds()
    #expect(try journal.syncWhatWaited(nanoseconds: 1000, until: .max) == nil)
    let first = try main.put(1, [1, 2, 3])
    #expect(try journal.syncWhatWaited(nanoseconds: 1 << 40, until: start) != nil)
    #expect(journal.durableLSN < first)
    #expect(try journal.syncWhatWaited(nanoseconds: 1 << 40, until: .max) == nil)
    #expect(journal.durableLSN == first)
    try main.put(1, [9])
    try store.crash(seed: 1)
    let found = try store.engine.branches.named("main").all(1)
    #expect(found == [1, 2, 3] || found == [9, 2, 3])
  }

  @Test func `a store with threads syncs by itself`() throws {
    let folder = try TemporaryFolder()
    let disk = try DirectoryDisk(path: folder.path + "/store", creating: true)
    let clock = SystemClock()
    var options = EngineOptions.small
    options.usesThreads = true
    options.syncDelayNanoseconds = 1_000_000
    var generator = SplitMix64(seed: 1)
    try Engine.create(disk: disk, clock: clock, options: options) { generator.bytes($0) }
    let engine = try Engine.open(disk: disk, clock: clock, options: options)
    let main = try engine.branches.create(named: "main")
    for round in 0..<3 {
      let lsn = try main.put(1, [UInt8(round)])
      let deadline = clock.monotonicNanoseconds() + 20_000_000_000
      while engine.journal.durableLSN < lsn, clock.monotonicNanoseconds() < deadline {
        sched_yield()
      }
      #expect(engine.journal.durableLSN >= lsn, "round \(round)")
    }
    try engine.close()
  }
}
