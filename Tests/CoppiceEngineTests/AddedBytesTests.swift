import CoppiceEngine
import CoppiceFormat
import TestSupport
import Testing

/// What branches added since their states began, against counting by hand.
@Suite struct AddedBytesTests {
  /// Random forks, writes, copies, resets, deletions, seals and collections. Beside every state
  /// that a branch begins with stands a snapshot of it, which tells what belongs to it.
  private struct History {
    let store: TestStore
    var generator: SplitMix64
    private var nextName = 1
    /// By branch: a snapshot of what it began with; `nil`: it began with nothing.
    private var beginnings: [BranchID: BranchID?] = [:]

    init(_ store: TestStore, seed: UInt64) throws {
      self.store = store
      generator = SplitMix64(seed: seed)
      let first = try store.engine.branches.create(named: "b0")
      beginnings[first.id] = .some(nil)
    }

    var branches: Branches { store.engine.branches }

    private var live: [BranchEntry] { branches.entries().filter { $0.flags.isEmpty } }

    private mutating func name() -> String {
      nextName += 1
      return "b\(nextName)"
    }

    private mutating func begin(_ branch: EngineBranch) throws {
      let snapshot = try branches.fork(branch, named: name(), isReadOnly: true)
      beginnings[branch.id] = .some(snapshot.id)
    }

    mutating func step(_ number: Int) throws {
      let entries = live
      let branch = try #require(branches.with(entries[generator.below(entries.count)].id))
      switch generator.below(24) {
      case 0, 1: try begin(try branches.fork(branch, named: name(), isReadOnly: false))
      case 2: _ = try branches.fork(branch, named: name(), isReadOnly: true)
      case 3, 4: try store.engine.sealer.seal(branch)
      case 5 where entries.count > 3: try branches.delete([branch])
      case 6:
        let source = entries[generator.below(entries.count)]
        guard source.id != branch.id, let source = branches.with(source.id) else { return }
        try branches.reset(branch, to: source, keepingOldAs: nil)
        try begin(branch)
      case 7:
        let gone = branches.entries().filter { entry in
          entry.flags == [.readOnly] && !beginnings.values.contains(entry.id)
        }
        guard let first = gone.first, let snapshot = branches.with(first.id) else { return }
        try branches.delete([snapshot])
      case 8: try collect(isYoung: generator.bool())
      case 9: try copy(from: branches.with(entries[generator.below(entries.count)].id), to: branch)
      case 10: try resize(branch, time: Int64(number))
      case 11: _ = try store.engine.accounts.measureAdded(by: branch.id)
      default: try write(branch, time: Int64(number))
      }
    }

    private func collect(isYoung: Bool) throws {
      var options = CollectionOptions()
      options.isYoung = isYoung
      options.isFull = !isYoung
      _ = try store.engine.collector.collectGarbage(options)
    }

    private mutating func write(_ branch: EngineBranch, time: Int64) throws {
      let offset = generator.below(1 << (10 + generator.below(12)))
      var bytes = generator.bytes(1 + generator.below(generator.bool() ? 40 : 20_000))
      // What others write as well is found by its hash.
      if generator.below(4) == 0 { bytes = [UInt8](repeating: UInt8(time & 3) + 1, count: 9000) }
      try branch.put(UInt64(1 + generator.below(3)), at: UInt64(offset), bytes, time: time)
    }

    private mutating func resize(_ branch: EngineBranch, time: Int64) throws {
      var transaction = Transaction(time: time)
      transaction.resize(
        VolumeNumber(UInt64(1 + generator.below(3))), to: UInt64(generator.below(1 << 20)))
      _ = try branch.commit(transaction)
    }

    private mutating func copy(from source: EngineBranch?, to target: EngineBranch) throws {
      let volume = VolumeNumber(1)
      guard let source, try source.attributes(of: volume) != nil else { return }
      let view = try source.pinnedView()
      for run in try view.sharedRuns(of: volume, pages: 0..<8) {
        guard case .refs(let first, let refs) = run else { continue }
        var transaction = Transaction(time: 3)
        transaction.share(VolumeNumber(3), at: first * UInt64(store.pageByteCount), refs)
        _ = try target.commit(transaction)
      }
      withExtendedLifetime(view) {}
    }

    /// Counts by hand. Everything is sealed.
    func expected() throws -> [BranchID: UInt64] {
      var census = try FrameCensus(store.disk)
      let entries = branches.entries()
      let roots = Dictionary(uniqueKeysWithValues: entries.map { ($0.id, $0.root) })
      var expected: [BranchID: UInt64] = [:]
      for entry in entries where !entry.flags.contains(.readOnly) {
        guard let beginning = beginnings[entry.id] else { continue }
        var family: Set<BranchID> = [entry.id]
        for other in entries where other.flags.contains(.readOnly) {
          if family.contains(other.parent) { family.insert(other.id) }
        }
        let start = beginning.flatMap { roots[$0]?.locator.name } ?? FrameName.none
        let needed = try census.needed(by: family.compactMap { roots[$0] })
        expected[entry.id] = census.byteCount(needed.filter { $0 > start })
      }
      return expected
    }
  }

  @Test(arguments: 1...12 as ClosedRange<UInt64>)
  func `what is known is never too low, and exact once it is measured`(seed: UInt64) throws {
    let store = try TestStore()
    var history = try History(store, seed: seed)
    for round in 0..<6 {
      for step in 0..<30 { try history.step(round * 30 + step) }
      try store.engine.sealer.sealAll()
      let expected = try history.expected()
      for (id, byteCount) in expected {
        if let known = store.engine.accounts.added(by: id) {
          #expect(known.byteCount >= byteCount, "round \(round), branch \(id.rawValue)")
          #expect(known.unsealedByteCount == 0)
        }
        let measured = try store.engine.accounts.measureAdded(by: id)
        #expect(measured.byteCount == byteCount, "round \(round), branch \(id.rawValue)")
        #expect(store.engine.accounts.added(by: id) == measured)
      }
      if round == 2 {
        try store.reopen()
        // What was known holds for the same roots.
        for (id, byteCount) in expected {
          #expect(store.engine.accounts.added(by: id)?.byteCount == byteCount)
        }
      }
      if round == 4 {
        try store.crash(seed: seed)
        for (id, byteCount) in expected {
          let known = store.engine.accounts.added(by: id)
          #expect(known.map { $0.byteCount >= byteCount } ?? true)
          #expect(try store.engine.accounts.measureAdded(by: id).byteCount == byteCount)
        }
      }
    }
  }

  @Test func `a fork of a branch that writes has added nothing`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 4)
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, generator.bytes(100_000))
    let child = try store.engine.branches.fork(main, named: "child", isReadOnly: false)
    try main.put(1, at: 200_000, generator.bytes(50_000))
    #expect(store.engine.accounts.added(by: child.id)?.byteCount == 0)
    #expect(store.engine.accounts.added(by: main.id)?.unsealedByteCount == 39 * 4096)
    try child.put(1, at: 300_000, generator.bytes(4096))
    #expect(store.engine.accounts.added(by: child.id)?.unsealedByteCount == 2 * 4096)
    try store.engine.sealer.sealAll()
    let added = try #require(store.engine.accounts.added(by: child.id))
    #expect(added.byteCount > 4096 && added.byteCount < 20_000)
    #expect(
      try store.engine.accounts.measureAdded(by: child.id).byteCount == added.byteCount)
    #expect(
      try store.engine.accounts.measureAdded(by: main.id).byteCount > 150_000)
  }

  @Test func `going back to a snapshot of its own gives nothing back`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 4)
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, generator.bytes(100_000))
    let child = try store.engine.branches.fork(main, named: "child", isReadOnly: false)
    try child.put(2, generator.bytes(60_000))
    let snapshot = try store.engine.branches.fork(child, named: "child@1", isReadOnly: true)
    try store.engine.sealer.sealAll()
    try store.engine.branches.reset(child, to: snapshot, keepingOldAs: nil)
    #expect(store.engine.accounts.added(by: child.id) == nil)
    #expect(try store.engine.accounts.measureAdded(by: child.id).byteCount > 60_000)
    try store.engine.branches.reset(child, to: main, keepingOldAs: nil)
    // The snapshot's frames are younger than what main is.
    #expect(try store.engine.accounts.measureAdded(by: child.id).byteCount > 60_000)
    try main.put(1, generator.bytes(10))
    try store.engine.sealer.sealAll()
    try store.engine.branches.reset(child, to: main, keepingOldAs: "before")
    #expect(try store.engine.accounts.measureAdded(by: child.id).byteCount == 0)
    let before = try store.engine.branches.named("before")
    #expect(store.engine.accounts.added(by: before.id)?.byteCount == 0)
    #expect(store.engine.accounts.added(by: snapshot.id) == nil)
    #expect(throws: StoreError.self) {
      try store.engine.accounts.measureAdded(by: snapshot.id)
    }
  }

  @Test func `an import counts unless it is of all that the branch has`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 4)
    let imported = generator.bytes(90_000)
    func write(_ staging: StagingImport, _ volume: UInt64, _ bytes: [UInt8]) throws {
      var transaction = Transaction(time: 1)
      bytes.withUnsafeBytes { transaction.write(VolumeNumber(volume), at: 0, $0) }
      _ = try staging.commit(transaction)
    }
    let first = try store.engine.imports.begin(domain: .standard)
    try write(first, 1, imported)
    let main = try first.publish(creating: "main")
    let known = try #require(store.engine.accounts.added(by: main.id))
    #expect(known.byteCount > 90_000)
    #expect(try store.engine.accounts.measureAdded(by: main.id).byteCount == known.byteCount)

    let part = try store.engine.imports.begin(replacing: main)
    try write(part, 2, generator.bytes(30_000))
    try part.publishReplacing()
    let more = try #require(store.engine.accounts.added(by: main.id))
    #expect(more.byteCount > known.byteCount + 30_000)
    #expect(try store.engine.accounts.measureAdded(by: main.id).byteCount <= more.byteCount)

    let whole = try store.engine.imports.begin(replacing: main)
    try write(whole, 3, generator.bytes(20_000))
    try whole.publishReplacing(isWhole: true)
    #expect(store.engine.accounts.added(by: main.id) == nil)
    #expect(try store.engine.accounts.measureAdded(by: main.id).byteCount == 0)
    try store.crash(seed: 3)
    #expect(try store.engine.accounts.measureAdded(by: main.id).byteCount == 0)
  }

  @Test func `without its hints a store measures anew`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 4)
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, generator.bytes(100_000))
    try store.engine.close()
    try store.disk.setContents(of: "hints-space", to: [1, 2, 3])
    try store.open()
    #expect(store.engine.accounts.added(by: main.id) == nil)
    #expect(try store.engine.accounts.measureAdded(by: main.id).byteCount > 100_000)
  }
}
