import Coppice
import CoppiceLifecycle
import CoppiceServer
import TestSupport
import Testing

/// Baselines by requests: what rules do to others than administrators, and what happens at once.
@Suite struct BaselineRequestTests {
  private static let ann = Principal(
    role: .developer, name: "ann", classes: ["masked"], prefix: "ann-")

  private func context(
    _ store: Store, _ principal: Principal = .administrator
  ) -> RequestContext {
    RequestContext(
      store: store, work: Work(), files: OwnFiles(), doors: Doors(), principal: principal)
  }

  private func add(
    _ name: String, from branch: String, _ store: Store, domain: String? = nil,
    _ rules: BaselineRules = BaselineRules()
  ) throws {
    _ = try BaselineAddRequest(
      name: name, source: "branch:\(branch)", file: nil, branch: branch, class: nil,
      domain: domain, rules: rules, dryRun: false
    ).run(context(store))
  }

  private func approve(_ name: String, _ store: Store) throws {
    _ = try BaselineApproveRequest(name: name, attestation: nil).run(context(store))
  }

  private func create(_ name: String, from: String, _ store: Store, _ principal: Principal) throws {
    let terms = RequestedTerms(ttlSeconds: 60)
    _ = try BranchCreateRequest(name: name, from: from, terms: terms).run(context(store, principal))
  }

  private func error(_ body: () throws -> Void) -> StoreError? {
    #expect(throws: StoreError.self) { try body() }
  }

  @Test func `whoever is bound by rules branches from what they grant, and from nothing else`()
    throws
  {
    let folder = try TemporaryFolder()
    let store = try Store.create(at: folder("store"))
    try store.createDomain(named: "apart", class: .masked)
    try store.createBranch("masked", domain: "apart").writeFile("a", [1])
    try store.createBranch("raw")
    try store.createBranch("plain", domain: "apart")
    try add("masked", from: "masked", store, BaselineRules(childrenMax: 1))
    try add("raw", from: "raw", store)
    for name in ["masked@one", "raw@one"] {
      try store.createSnapshot(name)
      try approve(name, store)
    }
    try store.createSnapshot("masked@draft")
    for name in ["masked", "masked@draft", "raw@newest", "plain", "nothing"] {
      #expect(error { try create("x", from: name, store, Self.ann) }?.kind == .notFound)
    }
    let reset = BranchResetRequest(
      name: "plain", to: "masked@draft", keepOld: nil, force: false, dryRun: false)
    #expect(error { _ = try reset.run(context(store, Self.ann)) }?.kind == .notFound)
    try create("ann-1", from: "masked@newest", store, Self.ann)
    let full = error { try create("ann-2", from: "masked@one", store, Self.ann) }
    #expect(full?.kind == .denied && full?.message.contains("is 1, it has 1") == true)
    // What is his own is no matter of the baseline's count; nothing binds administrators.
    try create("ann-2", from: "ann-1", store, Self.ann)
    try create("free", from: "masked@draft", store, .administrator)
    let names = try store.entries().map(\.name)
    #expect(names.filter { $0.hasPrefix("ann-") } == ["ann-1", "ann-2"] && !names.contains("x"))
    try store.close()
  }

  @Test func `a branch keeps which approved snapshot it came from`() throws {
    let folder = try TemporaryFolder()
    let store = try Store.create(at: folder("store"))
    try store.createBranch("main").writeFile("a", [1])
    try add("main", from: "main", store)
    try add("other", from: "main", store)
    for name in ["main@one", "other@one"] {
      try store.createSnapshot(name)
      try approve(name, store)
    }
    let shown = try BaselineShowRequest(name: "main").run(context(store))
    let hash = try #require(shown.snapshots.first?.rootHash)
    try create("fork", from: "main@newest", store, .administrator)
    let value = try #require(try store.annotations(of: "fork")[.origin])
    let origin = try JSON.decode(Origin.self, from: value)
    let id = try store.entry("main@one").id
    #expect(
      origin == Origin(baseline: "main", snapshot: "main@one", id: id, rootHash: hash))
    // Of a baseline that itself came from another one, the nearer counts.
    try store.createBranch("second", from: "other@newest")
    try add("second", from: "second", store)
    try store.createSnapshot("second@one")
    try approve("second@one", store)
    try create("third", from: "second@newest", store, .administrator)
    let near = try #require(try store.annotations(of: "third")[.origin])
    #expect(try JSON.decode(Origin.self, from: near).baseline == "second")
    let list = try BaselineListRequest().run(context(store)).baselines
    #expect(list.map(\.childCount) == [1, 1, 1] && list.map(\.snapshotCount) == [1, 1, 1])
    try store.close()
  }

  @Test func `a work branch that was reset to what came of it is no child`() throws {
    let folder = try TemporaryFolder()
    let store = try Store.create(at: folder("store"))
    try store.createBranch("main").writeFile("a", [1])
    try add("main", from: "main", store)
    try store.createSnapshot("main@one")
    try approve("main@one", store)
    for name in ["first", "second"] { try create(name, from: "main@one", store, .administrator) }
    try store.createSnapshot("first@better")
    let reset = BranchResetRequest(
      name: "main", to: "first@better", keepOld: nil, force: false, dryRun: false)
    _ = try reset.run(context(store))
    #expect(try store.annotations(of: "main")[.origin] != nil)
    #expect(try BaselineShowRequest(name: "main").run(context(store)).childCount == 2)
    try store.expire(["second"])
    #expect(try BaselineShowRequest(name: "main").run(context(store)).childCount == 1)
    try store.close()
  }

  @Test func `retiring ends all approvals, and is no news the second time`() throws {
    let folder = try TemporaryFolder()
    let store = try Store.create(at: folder("store"))
    try store.createBranch("main").writeFile("a", [1])
    try add("main", from: "main", store)
    for name in ["main@one", "main@two"] {
      try store.createSnapshot(name)
      try approve(name, store)
    }
    let request = BaselineRetireRequest(name: "main", deleteSnapshots: false)
    let first = try request.run(context(store))
    #expect(first.deleted.isEmpty)
    #expect(try request.run(context(store)).retiredAt == first.retiredAt)
    let shown = try BaselineShowRequest(name: "main").run(context(store))
    #expect(shown.retiredAt == first.retiredAt && shown.snapshots.isEmpty)
    #expect(shown.newest == nil && shown.ageSeconds == nil)
    #expect(error { try approve("main@one", store) }?.reason == .policy)
    try store.delete(["main"], includingSnapshots: true)
    let again = error { try add("main", from: "main@one", store) }
    #expect(again != nil)
    try store.close()
  }

  @Test func `keep rules end approved snapshots, but for the newest and what is held`() throws {
    let folder = try TemporaryFolder()
    let store = try Store.create(at: folder("store"))
    try store.createBranch("main").writeFile("a", [1])
    var keep = BaselineKeep()
    keep.last = 1
    try add("main", from: "main", store, BaselineRules(keep: keep))
    for name in ["one", "two", "draft"] { try store.createSnapshot("main@\(name)") }
    try approve("main@one", store)
    try store.createBranch("child", from: "main@one")
    try store.protect(["main@one"])
    let second = try BaselineApproveRequest(name: "main@two", attestation: nil).run(context(store))
    #expect(second.pruned.isEmpty && second.notes == ["main@one stays: is protected"])
    try store.unprotect(["main@one"])
    let snapshot = try store.snapshot("main@two")
    let open = try snapshot.open(snapshot.lookup("a"))
    try store.createSnapshot("main@three")
    let third = try BaselineApproveRequest(name: "main@three", attestation: nil).run(context(store))
    #expect(third.pruned == ["main@one"])
    #expect(third.notes.count == 1 && third.notes[0].hasPrefix("main@two stays: 1 file is open"))
    open.close()
    // Approving what is approved prunes again; an older one that is approved late goes at once.
    let again = try BaselineApproveRequest(name: "main@three", attestation: nil).run(context(store))
    #expect(again.pruned == ["main@two"] && again.notes.isEmpty)
    let late = try BaselineApproveRequest(name: "main@draft", attestation: nil).run(context(store))
    #expect(late.pruned == ["main@draft"])
    let left = try store.entries().map(\.name)
    #expect(left == ["child", "main", "main@three"])
    #expect(try store.annotations(of: "child")[.origin] != nil)
    try store.restore("main@two")
    #expect(try store.annotations(of: "main@two")[.approval] == nil)
    try store.close()
  }

  @Test func `a work branch that was made anew elsewhere is not what was registered`() throws {
    let folder = try TemporaryFolder()
    let store = try Store.create(at: folder("store"))
    try store.createDomain(named: "apart", class: .masked)
    try store.createBranch("main")
    try add("main", from: "main", store)
    try store.delete(["main"])
    try store.createBranch("main", domain: "apart")
    try store.createSnapshot("main@one")
    let refused = error { try approve("main@one", store) }
    #expect(refused?.kind == .denied && refused?.message.contains("apart") == true)
    #expect(try store.annotations(of: "main@one").isEmpty)
    try store.close()
  }

  @Test func `a setting that is none of a baseline is damage, and told by its name`() throws {
    let folder = try TemporaryFolder()
    let store = try Store.create(at: folder("store"))
    try store.createBranch("main")
    try add("main", from: "main", store)
    try store.set("baseline/broken", to: Array("{".utf8))
    for attempt in [
      { _ = try BaselineListRequest().run(context(store)) },
      { _ = try BaselineShowRequest(name: "broken").run(context(store)) },
    ] {
      let told = error(attempt)
      #expect(told?.kind == .corrupt && told?.object == "baseline/broken")
    }
    #expect(try BaselineShowRequest(name: "main").run(context(store)).name == "main")
    try store.annotate("main", [AnnotationChange(.approval, [1])])
    #expect(
      error { _ = try BaselineShowRequest(name: "main").run(context(store)) }?.object == "main")
    try store.close()
  }

  @Test func `sources are written with their kind`() throws {
    #expect(try BaselineSource("directory:/a:b") == .directory("/a:b"))
    #expect(try BaselineSource("tar:-") == .tar("-"))
    #expect(try BaselineSource("branch:main@one") == .branch("main@one"))
    #expect(try BaselineSource("postgres:prod-1.x") == .postgres(service: "prod-1.x"))
    #expect(try BaselineSource("command:cp a %d") == .command("cp a %d"))
    #expect(try BaselineSource("dump:/a") == .dump("/a"))
    for text in [
      "", "main", "directory:", "tar", "branch:", "zip:x", "postgres:", "postgres:a b",
      "command:cp a b", "dump:",
    ] {
      #expect(error { _ = try BaselineSource(text) }?.kind == .invalid, "\(text)")
    }
  }

  /// A second baseline does not make what nobody vouched for what the first one calls it.
  @Test func `a class that nobody vouched for is no other baseline's word`() throws {
    let folder = try TemporaryFolder()
    let store = try Store.create(at: folder("store"))
    try store.createBranch("raw").writeFile("a", [1])
    try store.createDomain(named: "low", class: .masked)
    _ = try BaselineAddRequest(
      name: "first", source: "branch:raw", file: nil, branch: "raw", class: "masked", domain: nil,
      rules: BaselineRules(), dryRun: false
    ).run(context(store))
    try store.createSnapshot("first@one")
    #expect(error { try approve("first@one", store) }?.kind == .denied)
    #expect(error { _ = try ExpireRequest(names: ["first"]).run(context(store)) }?.kind == .denied)
    try store.createBranch("copy", from: "first@one")
    try add("second", from: "copy", store)
    try store.createSnapshot("second@one")
    #expect(error { try approve("second@one", store) }?.kind == .denied)
  }
}
