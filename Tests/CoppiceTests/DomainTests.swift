import Coppice
import CoppiceEngine
import CoppiceFormat
import TestSupport
import Testing

/// Trust domains as the library has them, through the whole life of branches.
@Suite struct DomainTests {
  let fixture: StoreFixture
  private let folder: TemporaryFolder
  var store: Store { fixture.store }

  init() throws {
    fixture = try StoreFixture()
    folder = try TemporaryFolder()
  }

  // MARK: Names and classes

  @Test func `a store has the domain raw, and makes a class's own at first use`() throws {
    #expect(try store.domains().map(\.name) == ["raw"])
    let made = try store.createDomain(named: "customer", class: .masked)
    #expect(made.number == 1 && made.name == "customer" && made.dataClass == .masked)
    try store.createBranch("a", domain: "raw")
    try store.createBranch("b", domain: "customer")
    try store.createBranch("c", domain: "none")
    try store.createBranch("d", domain: "none")
    try store.createBranch("e", from: "b")
    try store.createSnapshot("c@one")
    try fixture.reopen()
    let entries = try store.entries()
    #expect(entries.map(\.domain.name) == ["raw", "customer", "none", "none", "none", "customer"])
    #expect(
      entries.map(\.domain.dataClass)
        == [.raw, .masked, .impersonal, .impersonal, .impersonal, .masked])
    #expect(try store.entry("e").domain == made)
    #expect(try store.domains().map(\.number) == [0, 1, 2])
  }

  @Test func `names of domains obey the rules`() throws {
    try store.createDomain(named: "masked", class: .masked)
    #expect(failure { try store.createDomain(named: "masked", class: .masked) }?.kind == .conflict)
    #expect(failure { try store.createDomain(named: "raw") }?.kind == .conflict)
    #expect(failure { try store.createDomain(named: "schema", class: .raw) }?.kind == .invalid)
    for name in ["", "12", "a/b", ".x", String(repeating: "x", count: 201)] {
      #expect(failure { try store.createDomain(named: name) }?.kind == .invalid)
    }
    let near = failure { try store.createBranch("a", domain: "maskd") }
    #expect(near?.kind == .notFound && near?.remedy == "did you mean masked?")
    let far = failure { try store.createBranch("a", domain: "customer") }
    #expect(far?.kind == .notFound)
    #expect(far?.remedy.description.contains("Store.createDomain") == true)
    #expect(failure { try store.createBranch("a", domain: "1") }?.kind == .notFound)
    #expect(try store.entries() == [])
  }

  @Test func `a domain's setting is made with it only; without it the domain is raw`() throws {
    let made = try store.createDomain(named: "customer", class: .masked)
    try store.createBranch("main", domain: "customer")
    let value = try #require(try store.setting("domain/customer"))
    #expect(failure { try store.set("domain/other", to: value) }?.kind == .invalid)
    try store.set("domain/customer", to: nil)
    let left = try store.entry("main").domain
    #expect(left.number == made.number && left.name == nil && left.dataClass == .raw)
    // Its number stands for it, and the name is free for another.
    try store.createBranch("second", domain: "1")
    #expect(try store.entry("second").domain == left)
    #expect(try store.createDomain(named: "customer").number == 2)
  }

  @Test func `a branch stays in its domain, and the error says how content gets into another`()
    throws
  {
    try store.createDomain(named: "one")
    try store.createDomain(named: "two")
    try store.createBranch("a", domain: "one")
    try store.createBranch("b", domain: "two")
    for domain in ["two", "raw", "masked"] {
      let fork = failure { try store.createBranch("x", from: "a", domain: domain) }
      #expect(fork?.kind == .invalid)
      #expect(fork?.remedy.description.contains("`ImportOptions.domain`") == true)
    }
    try store.createBranch("x", from: "a", domain: "one")
    for isDryRun in [false, true] {
      let reset = failure { try store.reset("a", to: "b", isDryRun: isDryRun) }
      #expect(reset?.kind == .invalid)
      #expect(reset?.remedy.description.contains("`ImportOptions.isReplacing`") == true)
    }
    // Nothing was made for what was refused.
    #expect(try store.domains().map(\.name) == ["raw", "one", "two"])
  }

  // MARK: Imports

  private func makeSource() throws {
    var generator = SplitMix64(seed: 12)
    try folder.write("a", generator.bytes(300 * 4096 + 5))
  }

  @discardableResult
  private func importSource(
    into branch: String, _ domain: String?, isReplacing: Bool = false, isDryRun: Bool = false
  ) throws -> ImportReport {
    var options = ImportOptions()
    options.domain = domain
    options.isReplacing = isReplacing
    options.isDryRun = isDryRun
    return try store.importFiles(from: .path(folder("a")), into: branch, options: options)
  }

  @Test func `an import makes its branch in the domain it names, or stays in the branch's`() throws
  {
    try makeSource()
    try store.createDomain(named: "one")
    let first = try importSource(into: "a", "one")
    #expect(try importSource(into: "again", "one").storedByteCount < 100_000)
    // As much as a dry run has found, which leaves no domain behind.
    let dry = try importSource(into: "b", "masked", isDryRun: true)
    #expect(dry.storedByteCount > 300 * 4096)
    #expect(try store.domains().map(\.name) == ["raw", "one"])
    let second = try importSource(into: "b", "masked")
    #expect(second.storedByteCount > 300 * 4096 && first.storedByteCount > 300 * 4096)
    #expect(try store.entry("b").domain.name == "masked")
    try expectNoCrossing()
    for domain in ["raw", "masked", "schema"] {
      let error = failure { try importSource(into: "a", domain, isReplacing: true) }
      #expect(error?.kind == .invalid, "\(domain)")
    }
    #expect(failure { try importSource(into: "c", "nowhere") }?.kind == .notFound)
    try importSource(into: "a", "one", isReplacing: true)
    try importSource(into: "a", nil, isReplacing: true)
    #expect(try store.entry("a").domain.name == "one")
    #expect(try store.domains().map(\.name) == ["raw", "one", "masked"])
  }

  // MARK: A whole life

  /// What every entry needs lies in its domain, and so does the base of every frame: by the bytes
  /// of the segments, and by a check.
  private func expectNoCrossing() throws {
    try store.engine.sealer.sealAll()
    #expect(try store.engine.checks.check().findings == [])
    try store.engine.checkpointer.write()
    var census = try FrameCensus(fixture.disk)
    for entry in store.engine.branches.entries() {
      #expect(try census.crossings(of: entry.root, in: entry.domain) == [], "\(entry.name)")
    }
  }

  /// The census sees hosts in the domain, derived pages in it, and pages that two branches have in
  /// common.
  private func expectSomething(in domain: DomainID) throws {
    var census = try FrameCensus(fixture.disk)
    let needed = try store.engine.branches.entries().filter { $0.domain == domain }.map {
      try census.needed(by: [$0.root])
    }
    let shared = needed.dropFirst().reduce(needed[0]) { $0.intersection($1) }
    #expect(!shared.isEmpty)
    let frames = needed.joined().compactMap { census.frames[$0] }
    #expect(frames.contains { $0.isMoved } && frames.contains { $0.form.isDerived })
  }

  private func content(_ branch: String, _ path: String) throws -> [UInt8] {
    let tree = try store.tree(branch)
    return try tree.read(tree.lookup(BranchPath(path)))
  }

  @Test func `nothing crosses between two domains through the whole life of their branches`() throws
  {
    try makeSource()
    let both = ["one", "two"]
    var generator = SplitMix64(seed: 13)
    for name in both {
      try store.createDomain(named: name, class: .masked)
      try importSource(into: name, name)
      try store.createSnapshot("\(name)@first")
      // Differences, and what another branch of the domain, and one of the other, has already.
      let fork = try store.createBranch("\(name)-fork", from: name)
      for page in stride(from: 0, to: 300, by: 7) as StrideTo<UInt64> {
        try fork.write(fork.lookup("a"), at: page * 4096 + 9, generator.bytes(6))
      }
      try store.engine.sealer.sealAll()
      let equal = try store.createBranch("\(name)-equal", domain: name)
      try equal.writeFile("a", try content(name, "a"))
      try store.engine.sealer.sealAll()
    }
    try expectNoCrossing()
    let counts = store.engine.accounts.statistics.seals
    #expect(counts.duplicateCount >= 600 && counts.deltaCount > 60)

    // Copies by content, in both directions; within a domain pages are shared.
    let (one, two) = (try store.branch("one"), try store.branch("two"))
    let source = try one.open(one.lookup("a"))
    for branch in [two, try store.branch("one-equal")] {
      let target = try branch.open(branch.createFile("copy", in: .root).file)
      try source.copy(0..<UInt64.max, to: target, at: 0)
      target.close()
      try store.engine.sealer.sealAll()
      #expect(try content(branch.name, "copy") == content("one", "a"))
    }
    source.close()
    let ref = try store.engine.branches.named("one").storedRefs(
      of: one.lookup("a").volume, pages: 0..<1)
    var sharing = Transaction(time: 1)
    sharing.share(try two.lookup("a").volume, at: 0, ref)
    #expect(
      failure { _ = try store.engine.branches.named("two").commit(sharing) }?.kind == .invalid)
    try expectNoCrossing()

    // Collections: half of each domain's frames go, the rest moves to hosts.
    for name in both {
      let branch = try store.branch(name)
      for page in stride(from: 0, to: 300, by: 2) as StrideTo<UInt64> {
        try branch.write(branch.lookup("a"), at: page * 4096, generator.bytes(4096))
      }
      try store.delete(["\(name)@first", "\(name)-equal"])
    }
    try store.engine.sealer.sealAll()
    var full = CollectionOptions()
    full.isFull = true
    full.forgetting = .all
    #expect(try store.engine.collector.collectGarbage(full).copiedByteCount > 0)
    try expectNoCrossing()
    for number in [1, 2] as [UInt32] { try expectSomething(in: DomainID(number)) }

    // Restart, work on, and imports over what is there.
    try fixture.crash(seed: 5)
    for name in both {
      try importSource(into: "\(name)-fork", nil, isReplacing: true)
      try importSource(into: "\(name)-late", name)
    }
    _ = try store.engine.collector.collectGarbage(full)
    try expectNoCrossing()

    // A repair that puts the catalogue together.
    let names = try store.entries().map(\.name)
    let contents = try names.map { try content($0, "a") }
    let domains = try store.entries().map(\.domain.number)
    try fixture.loseCatalogues()
    try expectNoCrossing()
    #expect(try store.entries().map(\.name) == names)
    #expect(try names.map { try content($0, "a") } == contents)
    #expect(try store.entries().map(\.domain.number) == domains)
    #expect(try store.entries().allSatisfy { $0.domain.dataClass == .raw })
    try importSource(into: "two-again", "2")
    #expect(try store.createDomain(named: "two").number > 2)
    try importSource(into: "newest", "two")
    _ = try store.engine.collector.collectGarbage(full)
    try expectNoCrossing()
  }
}
