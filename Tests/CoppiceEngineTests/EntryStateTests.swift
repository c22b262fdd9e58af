import CoppiceEngine
import CoppiceFormat
import CoppicePlatform
import TestSupport
import Testing

@Suite struct EntryStateTests {
  private static let hour: UInt64 = 3600 * 1_000_000_000

  private func time(_ test: TestStore, _ hours: Int64) -> [UInt8] {
    EntryField.value(ofTime: test.clock.wallNanoseconds() + hours * Int64(Self.hour))
  }

  @Test func `what is protected is neither deleted nor replaced until its time is over`() throws {
    let test = try TestStore()
    let main = try test.engine.branches.create(named: "main")
    let other = try test.engine.branches.create(named: "other")
    let snapshot = try test.engine.branches.fork(main, named: "main@one", isReadOnly: true)
    let value = time(test, 2)
    for entry in [main, snapshot] {
      try test.engine.branches.annotate(entry, [FieldChange(.protected, value)])
    }
    try main.put(2, [1])
    let refused: [() throws -> Void] = [
      { try test.engine.branches.delete([main]) },
      { try test.engine.branches.delete([other, snapshot]) },
      { _ = try test.engine.collector.deleteForGood([other, main]) },
      { try test.engine.branches.reset(main, to: other, keepingOldAs: "old") },
      { try test.engine.branches.checkReset(main, to: other, keepingOldAs: nil) },
      { try test.engine.imports.begin(replacing: main).publishReplacing() },
    ]
    for restart in 0..<2 {
      for (index, attempt) in refused.enumerated() where restart == 0 || index < 1 {
        let failed = failure(attempt)
        #expect(failed?.kind == .denied && failed?.reason == .protected, "attempt \(index)")
      }
      #expect(test.engine.branches.entries().map(\.name) == ["main", "other", "main@one"])
      #expect(try main.attributes(of: VolumeNumber(2))?.byteCount == 1)
    }
    let fork = try test.engine.branches.fork(main, named: "fork", isReadOnly: false)
    try test.engine.branches.delete([fork])
    test.clock.advance(byNanoseconds: 2 * Self.hour)
    try test.engine.branches.reset(main, to: other, keepingOldAs: nil)
    try test.engine.branches.delete([main, snapshot])
  }

  @Test func `what was deleted goes for good as long as it is deleted, and not protected`() throws {
    let test = try TestStore()
    let main = try test.engine.branches.create(named: "main")
    let other = try test.engine.branches.create(named: "other")
    let ids: Set<BranchID> = [main.id, other.id]
    try test.engine.branches.delete([main])
    try test.engine.branches.delete(
      [other], annotations: [FieldChange(.protected, EntryField.value(ofTime: .max))])
    let collector = test.engine.collector
    let kept = failure { _ = try collector.deleteForGood([main, other], deletedBefore: ids) }
    #expect(kept?.kind == .denied && kept?.reason == .protected)
    _ = try test.engine.branches.restore(main.id, named: "renamed")
    let restored = failure { _ = try collector.deleteForGood([main], deletedBefore: [main.id]) }
    #expect(restored?.kind == .conflict)
    #expect(test.engine.branches.entries().count == 2)
    try test.engine.branches.delete([main])
    _ = try collector.deleteForGood([main], deletedBefore: [main.id])
    let forgotten = failure { _ = try collector.deleteForGood([main], deletedBefore: [main.id]) }
    #expect(forgotten?.kind == .conflict)
    #expect(test.engine.branches.entries().map(\.name) == ["other"])
  }

  @Test func `protection outlives a crash`() throws {
    let test = try TestStore()
    let main = try test.engine.branches.create(named: "main")
    try test.engine.branches.annotate(
      main, [FieldChange(.protected, EntryField.value(ofTime: .max))])
    try test.crash(seed: 1)
    let again = try test.engine.branches.named("main")
    #expect(failure { try test.engine.branches.delete([again]) }?.reason == .protected)
    try test.engine.branches.annotate(again, [FieldChange(.protected, nil)])
    try test.engine.branches.delete([again])
  }

  @Test func `an expired branch can be read and branched from, not written`() throws {
    let test = try TestStore()
    let main = try test.engine.branches.create(named: "main")
    let other = try test.engine.branches.create(named: "other")
    try main.put(2, [1, 2])
    try test.engine.branches.annotate(main, [FieldChange(.expired, time(test, 0))])
    let refused: [(EngineBranch) throws -> Void] = [
      { main in try main.put(2, [3]) },
      { main in try test.engine.branches.reset(main, to: other, keepingOldAs: nil) },
      { main in try test.engine.imports.begin(replacing: main).publishReplacing() },
    ]
    for attempt in refused {
      let failed = failure { try attempt(main) }
      #expect(failed?.kind == .denied && failed?.reason == .expired)
    }
    #expect(try main.all(2) == [1, 2])
    let fork = try test.engine.branches.fork(main, named: "fork", isReadOnly: false)
    try fork.put(2, [4])
    try test.crash(seed: 1)
    let again = try test.engine.branches.named("main")
    #expect(failure { try again.put(2, [3]) }?.reason == .expired)
    let source = try test.engine.branches.named("other")
    try test.engine.branches.reset(
      again, to: source, keepingOldAs: "old", annotations: { _ in [FieldChange(.expired, nil)] },
      oldAnnotations: [FieldChange(.owner, [0x61])])
    try again.put(2, [3])
    let old = try test.engine.branches.named("old")
    #expect(try old.all(2) == [1, 2])
    #expect(test.engine.branches.annotations(of: old)[.owner] == [0x61])
    try test.crash(seed: 2)
    #expect(try test.engine.branches.named("main").attributes(of: VolumeNumber(2)) == nil)
    let oldAgain = try test.engine.branches.named("old")
    #expect(test.engine.branches.annotations(of: oldAgain)[.owner] == [0x61])
  }

  @Test func `what is restored is live and kept no longer`() throws {
    let test = try TestStore()
    let main = try test.engine.branches.create(named: "main")
    try test.engine.branches.annotate(main, [FieldChange(.expired, time(test, 0))])
    try test.engine.branches.delete([main], annotations: [FieldChange(.keepUntil, time(test, 5))])
    _ = try test.engine.branches.restore(
      main.id, named: "back", annotations: [FieldChange(.owner, [0x62])])
    try main.put(2, [1])
    for crash in 0..<2 {
      let entry = try #require(test.engine.branches.entries().first)
      #expect(entry.annotations.all.map(\.tag) == [.owner] && entry.name == "back", "\(crash)")
      try test.crash(seed: 1)
    }
  }

  @Test func `collections keep what is to be kept, lack of space aside`() throws {
    let test = try TestStore()
    for name in ["kept", "plain"] {
      let branch = try test.engine.branches.create(named: name)
      let kept = name == "kept" ? [FieldChange(.keepUntil, time(test, 5))] : []
      try test.engine.branches.delete([branch], annotations: kept)
    }
    try collect(test, .overdue, leaving: ["kept", "plain"])
    test.clock.advance(byNanoseconds: Self.hour)
    try collect(test, .overdue, leaving: ["kept"])
    try collect(test, .unlessKept, leaving: ["kept"])
    test.clock.advance(byNanoseconds: 4 * Self.hour)
    try collect(test, .unlessKept, leaving: [])
    let last = try test.engine.branches.create(named: "last")
    try test.engine.branches.delete([last], annotations: [FieldChange(.keepUntil, time(test, 5))])
    try collect(test, .all, leaving: [])
  }

  @Test func `a clock that leaps does not destroy what is to be kept`() throws {
    let test = try TestStore()
    let branch = try test.engine.branches.create(named: "kept")
    try test.engine.branches.delete(
      [branch], annotations: [FieldChange(.keepUntil, time(test, 48))])
    test.clock.leap(byNanoseconds: 100 * Int64(Self.hour))
    try collect(test, .overdue, leaving: ["kept"])
    try test.reopen()
    test.clock.advance(byNanoseconds: Self.hour - 1)
    try collect(test, .unlessKept, leaving: ["kept"])
    test.clock.sleep(nanoseconds: 1)
    try collect(test, .overdue, leaving: [])
  }

  private func collect(
    _ test: TestStore, _ forgetting: Forgetting, leaving names: [String]
  ) throws {
    var options = CollectionOptions()
    options.forgetting = forgetting
    _ = try test.engine.collector.collectGarbage(options)
    #expect(test.engine.branches.entries().map(\.name) == names, "\(forgetting)")
  }

  @Test func `a change of several entries is all or none`() throws {
    let test = try TestStore()
    let entries = try ["a", "b", "c"].map { try test.engine.branches.create(named: $0) }
    let refusal = StoreError(.conflict, "not that one")
    let failed = failure {
      try test.engine.branches.annotate(entries) { entry throws(StoreError) in
        if entry.name == "c" { throw refusal }
        return [FieldChange(.owner, [0x61])]
      }
    }
    #expect(failed?.kind == .conflict)
    let annotated = test.engine.branches.entries().filter { !$0.annotations.isEmpty }
    #expect(annotated.isEmpty)
    try test.engine.branches.annotate(entries) { entry in
      entry.name == "b" ? [] : [FieldChange(.owner, [0x61])]
    }
    try test.crash(seed: 1)
    let owned = test.engine.branches.entries().filter { $0.annotations[.owner] != nil }
    #expect(owned.map(\.name) == ["a", "c"])
  }

  @Test func `a value that the engine could not heed is not taken`() throws {
    let test = try TestStore()
    let main = try test.engine.branches.create(named: "main")
    for tag in [FieldTag.protected, .expired, .keepUntil] {
      let failed = failure { try test.engine.branches.annotate(main, [FieldChange(tag, [1])]) }
      #expect(failed?.kind == .invalid)
    }
    #expect(test.engine.branches.annotations(of: main).isEmpty)
  }

  /// A snapshot that is made while somebody deletes its branch.
  @Test func `no snapshot stays without its branch, and none is made without`() throws {
    let test = try TestStore()
    let branches = test.engine.branches
    let main = try branches.create(named: "main")
    let other = try branches.create(named: "other")
    let snapshot = try branches.fork(main, named: "main@one", isReadOnly: true)
    let refused: [() throws -> Void] = [
      { try branches.delete([main]) }, { try branches.delete([other, main]) },
      { _ = try test.engine.collector.deleteForGood([main]) },
    ]
    for (index, attempt) in refused.enumerated() {
      #expect(failure(attempt)?.kind == .conflict, "attempt \(index)")
    }
    #expect(branches.entries().allSatisfy { !$0.flags.contains(.deleted) })
    try branches.delete([main, snapshot])
    #expect(failure { _ = try branches.restore(snapshot.id, named: "main@one") }?.kind == .notFound)
    #expect(
      failure { _ = try branches.fork(other, named: "main@two", isReadOnly: true) }?.kind
        == .notFound)
    _ = try branches.restore(main.id, named: "main")
    _ = try branches.restore(snapshot.id, named: "main@one")
  }
}
