internal import CoppiceEngine
internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization
internal import TestSupport
internal import Testing

/// The engine with its threads, on a simulated disk: schedules differ from run to run, what must
/// hold does not.
@Suite struct ThreadedSimulationTests {
  private static let volume = VolumeNumber(1)
  private static let pageCount = 4

  private func threadedOptions() -> EngineOptions {
    var options = Simulation.options
    options.usesThreads = true
    options.workerCount = 1
    options.sealByteCount = 256 << 10
    options.overlayByteCountMax = 4 << 20
    return options
  }

  /// S1: RAM order is LSN order, also around a fork.
  @Test(arguments: 0..<4 as Range<UInt64>)
  func `two writers and a forking thread leave the same state in RAM and in the journal`(
    seed: UInt64
  ) throws {
    let disk = SimulatedDisk(seed: seed)
    let clock = SystemClock()
    var generator = SplitMix64(seed: seed)
    let options = threadedOptions()
    try Engine.create(disk: disk, clock: clock, options: options) { generator.bytes($0) }
    let engine = try Engine.open(disk: disk, clock: clock, options: options)
    let main = try engine.branches.create(named: "main", domain: .standard)
    let failures = Mutex<[String]>([])
    let writers = try (0..<2 as Range<UInt64>).map { writer in
      try SystemThread(name: "writer \(writer)") {
        Self.note(failures) { try Self.writeRounds(main, writer: writer) }
      }
    }
    let forker = try SystemThread(name: "forker") {
      Self.note(failures) {
        for number in 0..<20 {
          _ = try engine.branches.fork(main, named: "child \(number)", isReadOnly: false)
        }
      }
    }
    for thread in writers + [forker] { thread.join() }
    #expect(failures.withLock { $0 } == [])
    try main.flush(through: engine.journal.lastLSN)
    let before = try contents(engine)
    engine.abandon()
    disk.crash(seed: seed)
    let again = try Engine.open(disk: disk, clock: clock, options: options)
    #expect(try contents(again) == before)
    try again.close()
  }

  private static func note(_ failures: borrowing Mutex<[String]>, _ body: () throws -> Void) {
    do { try body() } catch { failures.withLock { $0.append("\(error)") } }
  }

  /// Both writers write the same pages; each page carries who wrote it and when.
  private static func writeRounds(_ branch: EngineBranch, writer: UInt64) throws {
    var page = [UInt64](repeating: 0, count: ModelVolume.pageByteCount / 8)
    for round in 0..<300 as Range<UInt64> {
      for index in page.indices { page[index] = round << 8 | writer }
      let offset = (round % UInt64(pageCount)) * UInt64(ModelVolume.pageByteCount)
      let lsn = try page.withUnsafeBytes {
        try branch.write(volume, at: offset, $0, time: Int64(round))
      }
      if round % 50 == 0 { try branch.flush(through: lsn) }
    }
  }

  private func contents(_ engine: Engine) throws -> [String: [UInt8]] {
    var contents: [String: [UInt8]] = [:]
    for entry in engine.branches.entries() {
      let branch = try #require(engine.branches.with(entry.id))
      var bytes = [UInt8](repeating: 0, count: Self.pageCount * ModelVolume.pageByteCount)
      let count = try bytes.withUnsafeMutableBytes {
        try branch.read(Self.volume, at: 0, into: $0)
      }
      contents[entry.name] = Array(bytes[..<count])
    }
    return contents
  }
}
