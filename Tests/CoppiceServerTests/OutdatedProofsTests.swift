import Coppice
import CoppiceEngine
import CoppiceLifecycle
import CoppiceServer
import Logging
import TestSupport
import Testing

/// Kept proofs, and clocks that are wrong.
@Suite struct OutdatedProofsTests {
  private static let hour: UInt64 = 3600 * 1_000_000_000
  private static let day: UInt64 = 24 * hour

  private let folder: TemporaryFolder
  private let clock: SimulatedClock
  private let store: Store
  private let reaper: Reaper
  private let outdated: OutdatedProofs

  /// The files' times are those of the machine, which stand behind this clock's.
  init() throws {
    clock = SimulatedClock(wallNanoseconds: 4_000_000_000_000_000_000)
    let simulated = try SimulatedStore(clock: clock)
    (folder, store) = (simulated.folder, simulated.store)
    reaper = Reaper(store, Doors(), bootID: "1", logger: Logger(label: "test"))
    outdated = OutdatedProofs(store, reaper)
  }

  private func prove(_ name: String) throws {
    try store.createBranch(name)
    let context = RequestContext(
      store: store, work: Work(), files: OwnFiles(), doors: Doors(), principal: .administrator)
    _ = try BranchDeleteRequest(
      names: [name], ifExists: false, snapshots: false, force: false, now: true, dryRun: false,
      proof: true
    ).run(context)
  }

  private func names() throws -> [String] { try KeptProofs(store).keys().map(\.name) }

  /// As a server's threads do.
  private func look() throws {
    try reaper.run()
    _ = try outdated.remove()
  }

  @Test func `one command by a clock that is 91 days ahead takes no proof away`() throws {
    try prove("first")
    clock.leap(byNanoseconds: Int64(91 * Self.day))
    try prove("second")
    clock.leap(byNanoseconds: -Int64(91 * Self.day))
    try prove("third")
    #expect(try names() == ["first", "third", "second"])
  }

  @Test func `a clock that leaps takes none away, and one that went on for 91 days does`() throws {
    try prove("first")
    try look()
    clock.advance(byNanoseconds: 2 * Self.hour)
    try look()
    clock.leap(byNanoseconds: Int64(91 * Self.day))
    // Before the reaper has seen it, and for hours after.
    #expect(try outdated.remove() == 0)
    for _ in 0..<5 {
      clock.advance(byNanoseconds: Self.hour)
      try look()
    }
    #expect(try names() == ["first"])
    clock.leap(byNanoseconds: -Int64(91 * Self.day))
    for _ in 0..<91 {
      clock.advance(byNanoseconds: Self.day)
      try look()
    }
    #expect(try names() == [])
  }

  @Test func `a server that has just started takes none away, nor one that is paused`() throws {
    try prove("first")
    clock.advance(byNanoseconds: 91 * Self.day)
    let (later, remover): (Reaper, OutdatedProofs)
    later = Reaper(store, Doors(), bootID: "1", logger: Logger(label: "test"))
    remover = OutdatedProofs(store, later)
    // Nothing was looked at yet.
    #expect(try remover.remove() == 0)
    try later.run()
    try later.resume()
    clock.advance(byNanoseconds: Self.hour - 1)
    try later.run()
    #expect(try remover.remove() == 0)
    try later.pause(for: .hours(1))
    clock.advance(byNanoseconds: 2)
    #expect(try remover.remove() == 0)
    try later.resume()
    #expect(try remover.remove() == 1)
  }
}
