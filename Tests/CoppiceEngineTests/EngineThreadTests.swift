import CoppiceEngine
import CoppiceFormat
import CoppicePlatform
import Synchronization
import TestSupport
import Testing

/// Real threads on a real directory.
@Suite struct EngineThreadTests {
  private static func options() -> EngineOptions {
    var options = EngineOptions.small
    options.usesThreads = true
    options.overlayByteCountMax = 4 << 20
    options.sealByteCount = 1 << 20
    options.journalByteCountMax = 16 << 20
    return options
  }

  private func open(_ folder: TemporaryFolder, creating: Bool) throws -> Engine {
    let disk = try DirectoryDisk(path: folder.path + "/store", creating: creating)
    let clock = SystemClock()
    if creating {
      var generator = SplitMix64(seed: 1)
      try Engine.create(disk: disk, clock: clock, options: Self.options()) { generator.bytes($0) }
    }
    return try Engine.open(disk: disk, clock: clock, options: Self.options())
  }

  /// A page that says, all over, which writer wrote it and when.
  private static func stamp(_ writer: Int, _ round: Int) -> [UInt8] {
    let word = UInt64(writer) << 32 | UInt64(round)
    return (0..<512).flatMap { _ in withUnsafeBytes(of: word) { Array($0) } }
  }

  @Test func `writers readers and forks at once lose nothing and tear no page`() throws {
    let folder = try TemporaryFolder()
    let engine = try open(folder, creating: true)
    let main = try engine.branches.create(named: "main")
    let pageCount = 300
    let roundCount = 40
    let failures = Mutex<[String]>([])
    let isDone = Atomic<Bool>(false)
    func start(_ name: String, _ body: @escaping @Sendable () throws -> Void) throws -> SystemThread
    {
      try SystemThread(name: name) {
        do { try body() } catch { failures.withLock { $0.append("\(name): \(error)") } }
      }
    }
    var writers: [SystemThread] = []
    for writer in 1...2 {
      writers.append(
        try start("writer \(writer)") {
          for round in 1...roundCount {
            let bytes = Self.stamp(writer, round)
            for page in 0..<pageCount {
              try main.put(UInt64(writer), at: UInt64(page * 4096), bytes)
            }
            try main.flush(through: engine.journal.lastLSN)
          }
        })
    }
    let reader = try start("reader") {
      var generator = SplitMix64(seed: 4)
      while !isDone.load(ordering: .acquiring) {
        let writer = UInt64(1 + generator.below(2))
        let page = try main.get(writer, at: UInt64(generator.below(pageCount) * 4096), 4096)
        let words = page.withUnsafeBytes { Array($0.bindMemory(to: UInt64.self)) }
        if Set(words).count > 1 { failures.withLock { $0.append("a torn page") } }
      }
    }
    let forker = try start("forker") {
      var count = 0
      while !isDone.load(ordering: .acquiring), count < 60 {
        count += 1
        let fork = try engine.branches.fork(main, named: "fork-\(count)", isReadOnly: false)
        let before = try fork.all(1)
        try fork.put(9, [UInt8(count)])
        if try fork.all(1) != before { failures.withLock { $0.append("a fork changed") } }
        if count % 3 == 0 { try engine.branches.delete([fork]) }
      }
    }
    for writer in writers { writer.join() }
    isDone.store(true, ordering: .releasing)
    reader.join()
    forker.join()
    #expect(failures.withLock { $0 } == [])
    engine.checkInvariants()
    let forks = engine.branches.entries().filter { !$0.flags.contains(.deleted) }.map(\.name)
    let contents = try forks.map { try engine.branches.named($0).all(1) }
    try engine.close()

    let again = try open(folder, creating: false)
    for writer in 1...2 {
      let bytes = try again.branches.named("main").all(UInt64(writer))
      let expected = [UInt8]((0..<pageCount).flatMap { _ in Self.stamp(writer, roundCount) })
      #expect(bytes == expected)
    }
    for (name, content) in zip(forks, contents) {
      #expect(try again.branches.named(name).all(1) == content, "\(name)")
    }
    again.checkInvariants()
    try again.close()
  }
}
