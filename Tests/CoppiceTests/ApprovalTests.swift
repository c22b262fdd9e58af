import Coppice
import CoppiceEngine
import TestSupport
import Testing

/// What approval does to snapshots, whoever approves, and what stands for the newest.
@Suite struct ApprovalTests {
  private let approval = [AnnotationChange(.approval, [1]), AnnotationChange(.origin, [2])]

  /// A store with a branch `main`, and snapshots of it of which the first two are approved.
  private func makeStore() throws -> StoreFixture {
    let fixture = try StoreFixture()
    let main = try fixture.store.createBranch("main")
    try fixture.store.createBranch("mainly")
    for name in ["one", "two", "draft"] {
      try main.writeFile("name", Array(name.utf8))
      try fixture.store.createSnapshot("main@\(name)")
    }
    try fixture.store.createSnapshot("mainly@one")
    for name in ["main@two", "main@one", "mainly@one"] {
      try fixture.store.change(
        "key", from: fixture.store.setting("key"), to: Array(name.utf8),
        annotating: [(name, approval)])
    }
    return fixture
  }

  private func content(_ store: Store, _ name: String) throws -> String {
    let tree = try store.tree(name)
    return String(decoding: try tree.read(tree.lookup("name")), as: UTF8.self)
  }

  @Test func `the newest is the approved one that was made last, wherever it is named`() throws {
    let fixture = try makeStore()
    #expect(try fixture.store.entry("main@newest").name == "main@two")
    #expect(try content(fixture.store, "main@newest") == "two")
    #expect(try fixture.store.diff("main@newest", "main@two").items.isEmpty)
    let fork = try fixture.store.createBranch("fork", from: "main@newest")
    #expect(try fixture.store.entry("fork").parent == "main@two")
    try fork.writeFile("name", [])
    try fixture.store.reset("fork", to: "main@newest")
    #expect(try content(fixture.store, "fork") == "two")
    for name in ["fork@newest", "nothing@newest", "@newest"] {
      let missing = failure { _ = try fixture.store.entry(name) }
      #expect(missing?.kind == .notFound, "\(name)")
    }
    try fixture.store.annotate("main@two", [AnnotationChange(.approval, nil)])
    #expect(try fixture.store.entry("main@newest").name == "main@one")
    try fixture.crash(seed: 1)
    #expect(try fixture.store.entry("main@newest").name == "main@one")
    #expect(try fixture.store.entry("fork").parent == "main@two")
  }

  @Test func `no snapshot is called newest`() throws {
    let fixture = try makeStore()
    try fixture.store.createSnapshot("main@gone")
    try fixture.store.delete(["main@gone"])
    let attempts: [() throws -> Void] = [
      { try fixture.store.createSnapshot("main@newest") },
      { try fixture.store.rename("main@draft", to: "main@newest") },
      { try fixture.store.restore("main@gone", as: "main@newest") },
    ]
    for attempt in attempts { #expect(failure(attempt)?.kind == .invalid) }
    // Branches are called as they like.
    try fixture.store.createBranch("newest")
    try fixture.store.createSnapshot("newest@new")
  }

  @Test func `forks take the origin of an approved snapshot, and not its approval`() throws {
    let fixture = try makeStore()
    try fixture.store.createBranch("fork", from: "main@newest")
    try fixture.store.createBranch("grandchild", from: "fork")
    try fixture.store.createBranch("other", from: "main@draft")
    try fixture.store.createBranch("reset", from: "main")
    try fixture.store.reset("reset", to: "main@one")
    try fixture.crash(seed: 2)
    for name in ["fork", "grandchild", "reset"] {
      #expect(try fixture.store.annotations(of: name) == [.origin: [2]], "\(name)")
    }
    #expect(try fixture.store.annotations(of: "other").isEmpty)
    let approved = try fixture.store.entries(carrying: .approval)
    #expect(approved.map(\.entry.name) == ["main@one", "main@two", "mainly@one"])
    #expect(approved.allSatisfy { $0.value == [1] })
    let origins = try fixture.store.entries(carrying: .origin).map(\.entry.name)
    #expect(
      origins == ["main@one", "main@two", "mainly@one", "fork", "grandchild", "reset"])
  }

  @Test func `an approved snapshot is neither deleted nor renamed until it is so no more`() throws {
    let fixture = try makeStore()
    let attempts: [() throws -> Void] = [
      { try fixture.store.delete(["main@one"], force: true) },
      { try fixture.store.delete(["main"], includingSnapshots: true, force: true) },
      { _ = try fixture.store.deleteForGood(["main@draft", "main@one"], force: true) },
      { try fixture.store.rename("main@one", to: "main@three") },
      { try fixture.store.rename("main", to: "other", force: true) },
    ]
    let before = try fixture.store.entries(in: .all).map(\.name)
    for attempt in attempts {
      let refused = failure(attempt)
      #expect(refused?.kind == .denied && refused?.reason == .protected)
      #expect(refused?.remedy.description.contains("baseline retire main") == true)
    }
    #expect(try fixture.store.entries(in: .all).map(\.name) == before)
    // Whoever takes the approval away may delete in the same transaction.
    try fixture.store.delete(["main@one"], annotations: [AnnotationChange(.approval, nil)])
    try fixture.crash(seed: 3)
    #expect(try fixture.store.entries(carrying: .approval).count == 2)
    try fixture.store.restore("main@one")
    #expect(try fixture.store.annotations(of: "main@one")[.approval] == nil)
  }

  @Test func `a setting changes from what it was, with annotations, or nothing does`() throws {
    let fixture = try makeStore()
    let store = fixture.store
    let known = try store.setting("key")
    let stale = failure {
      try store.change("key", from: nil, to: [7], annotating: [("main@draft", approval)])
    }
    #expect(stale?.kind == .conflict && stale?.reason == .stale)
    let missing = failure {
      try store.change("key", from: known, to: [7], annotating: [("main@nothing", approval)])
    }
    #expect(missing?.kind == .notFound)
    let long = [AnnotationChange(.approval, [UInt8](repeating: 0, count: 1 << 15))]
    let refused = failure {
      try store.change("key", from: known, to: [7], annotating: [("main@draft", long)])
    }
    #expect(refused?.kind == .invalid)
    let large = failure {
      try store.change(
        "key", from: known, to: [UInt8](repeating: 0, count: 1 << 17), annotating: [])
    }
    #expect(large?.kind == .invalid)
    #expect(try store.setting("key") == known)
    #expect(try store.annotations(of: "main@draft").isEmpty)
    try store.change("key", from: known, to: nil, annotating: [("main@draft", approval)])
    try fixture.crash(seed: 4)
    #expect(try fixture.store.setting("key") == nil)
    #expect(try fixture.store.entry("main@newest").name == "main@draft")
  }

  @Test func `the root's hash tells content, and stays`() throws {
    let fixture = try makeStore()
    let store = fixture.store
    let hash = try store.sealedRootHash(of: "main@draft")
    #expect(hash.count == 32 && hash.contains { $0 != "0" })
    try store.createBranch("fork", from: "main@draft")
    #expect(try store.sealedRootHash(of: "fork") == hash)
    #expect(try store.sealedRootHash(of: "main@one") != hash)
    try store.branch("main").writeFile("name", [9])
    _ = try store.collectGarbage(isFull: true)
    try fixture.reopen()
    #expect(try fixture.store.sealedRootHash(of: "main@draft") == hash)
    try fixture.store.createBranch("empty")
  }

  @Test func `a copy in another domain has the content and shares nothing`() throws {
    let fixture = try makeStore()
    let store = fixture.store
    let main = try store.branch("main")
    var generator = SplitMix64(seed: 5)
    try main.writeFile("data", generator.bytes(1 << 20))
    try store.createDomain(named: "apart", class: .masked)
    var options = ImportOptions()
    options.domain = "apart"
    let report = try store.copy("main", into: "copy", options: options)
    #expect(report.fileCount == 2 && report.storedByteCount > 1 << 20)
    let copy = try store.entry("copy")
    #expect(copy.domain.name == "apart" && copy.domain.dataClass == .masked)
    #expect(try store.diff("main", "copy").items.isEmpty)
    let usage = try store.usage(["copy"])
    #expect(usage.first.map { $0.exclusiveByteCount > 1 << 20 } == true)
    #expect(usage.first?.sharedByteCount == 0)
  }

  @Test func `a copy that fails leaves no branch, and says why`() throws {
    let fixture = try makeStore()
    let store = fixture.store
    var generator = SplitMix64(seed: 6)
    try store.branch("main").writeFile("data", generator.bytes(4 << 20))
    var options = ImportOptions()
    options.isCancelled = { true }
    let cancelled = failure { _ = try store.copy("main", into: "copy", options: options) }
    #expect(cancelled?.kind == .unavailable)
    let taken = failure { _ = try store.copy("main", into: "mainly", options: ImportOptions()) }
    #expect(taken?.kind == .conflict)
    let missing = failure { _ = try store.copy("no", into: "copy", options: ImportOptions()) }
    #expect(missing?.kind == .notFound)
    #expect(try store.entries().allSatisfy { $0.name != "copy" })
  }
}
