import CoppiceEngine
import CoppiceFormat
import TestSupport
import Testing

/// Trust domains: their numbers and settings, and what a check finds of crossings.
@Suite struct DomainTests {
  private static let page = 4096

  private func key(_ name: String) throws -> SettingKey {
    try #require(SettingKey(domainNamed: name))
  }

  /// Changes the newest catalogue of a closed store.
  private func edit(_ store: TestStore, _ change: (inout Catalogue) -> Void) throws {
    let newest = try #require(try StoreInspector(disk: store.disk).catalogues().first)
    var catalogue = try newest.content.get()
    change(&catalogue)
    try store.disk.setContents(of: newest.file, to: catalogue.encode())
  }

  private func loseCatalogues(_ store: TestStore, andJournal: Bool) throws {
    for file in store.disk.fileNames()
    where file.hasPrefix("catalogue-") || (andJournal && file.hasPrefix("journal/")) {
      try store.disk.setContents(of: file, to: [])
    }
    _ = try store.repair(acceptsLoss: true)
    try store.open()
  }

  // MARK: Numbers

  @Test func `a number is given once, whatever becomes of its setting`() throws {
    let store = try TestStore()
    var numbers: [UInt32] = []
    func make(_ name: String) throws {
      let made = try store.engine.branches.createDomain(named: name, .masked)
      #expect(!numbers.contains(made.id.rawValue))
      numbers.append(made.id.rawValue)
    }
    try make("one")
    try store.crash(seed: 1)
    try make("two")
    // Live, after a replay of the removal, and after a checkpoint that has no trace of it.
    try store.engine.branches.set(try key("two"), to: nil)
    try make("three")
    try store.engine.branches.set(try key("three"), to: nil)
    try store.crash(seed: 2)
    try make("four")
    try store.engine.branches.set(try key("four"), to: nil)
    try store.reopen()
    try make("four")
    #expect(numbers == [1, 2, 3, 4, 5])
    #expect(try store.engine.branches.domains().map(\.name) == [nil, "one", "four"])
    #expect(try store.engine.branches.domains().map(\.domainClass) == [.raw, .masked, .masked])
  }

  @Test func `what segments and branches have is never given to a new domain`() throws {
    let store = try TestStore()
    _ = try store.engine.branches.create(named: "empty", domain: DomainID(4))
    #expect(try store.engine.branches.createDomain(named: "a", .raw).id == DomainID(5))
    let branch = try store.engine.branches.create(named: "full", domain: DomainID(8))
    try branch.put(1, [1])
    try store.engine.sealer.sealAll()
    #expect(try store.engine.branches.createDomain(named: "b", .raw).id == DomainID(9))
    try store.engine.close()
    // As if the catalogue did not say.
    try edit(store) {
      $0.nextDomain = 0
      $0.settings = []
    }
    try store.open()
    #expect(try store.engine.branches.createDomain(named: "c", .raw).id == DomainID(9))
    // A number that was taken for nothing is given to nobody else before the store is opened again.
    let unnamed = try store.engine.branches.takeUnnamedDomain()
    #expect(
      try store.engine.branches.createDomain(named: "d", .raw).id.rawValue == unnamed.rawValue + 1)
  }

  @Test func `names are given once, and numbers end`() throws {
    let store = try TestStore()
    _ = try store.engine.branches.createDomain(named: "a", .raw)
    #expect(
      failure { _ = try store.engine.branches.createDomain(named: "a", .raw) }?.kind == .conflict)
    let long = String(repeating: "x", count: 250)
    #expect(
      failure { _ = try store.engine.branches.createDomain(named: long, .raw) }?.kind == .invalid)
    _ = try store.engine.branches.create(named: "last", domain: DomainID(.max))
    #expect(failure { _ = try store.engine.branches.createDomain(named: "b", .raw) }?.kind == .full)
    #expect(failure { _ = try store.engine.branches.takeUnnamedDomain() }?.kind == .full)
    try store.reopen()
    #expect(failure { _ = try store.engine.branches.createDomain(named: "b", .raw) }?.kind == .full)
  }

  @Test func `a repair keeps domains and their numbers, and forgets names and classes`() throws {
    for losesJournal in [false, true] {
      let store = try TestStore()
      var generator = SplitMix64(seed: 3)
      let kept = try store.engine.branches.createDomain(named: "kept", .masked).id
      let branch = try store.engine.branches.create(named: "main", domain: kept)
      let bytes = generator.bytes(20 * Self.page)
      try branch.put(1, bytes)
      // All that there is of this one in the end is a note on a root that is a hole.
      let emptied = try store.engine.branches.create(named: "emptied", domain: kept)
      try emptied.put(1, generator.bytes(Self.page))
      try store.engine.sealer.sealAll()
      var drop = Transaction(time: 2)
      drop.drop(VolumeNumber(1))
      _ = try emptied.commit(drop)
      try store.engine.sealer.sealAll()
      #expect(store.engine.branches.entry(emptied.id)?.root.isHole == true)
      let unused = try store.engine.branches.createDomain(named: "unused", .schema).id
      if losesJournal {
        try store.engine.close()
      } else {
        // A journal that a checkpoint has freed tells nothing.
        store.disk.kill()
        store.engine.abandon()
      }
      try loseCatalogues(store, andJournal: losesJournal)
      #expect(try store.engine.branches.named("main").domain == kept)
      #expect(try store.engine.branches.named("emptied").domain == kept)
      #expect(try store.engine.branches.named("main").all(1) == bytes)
      #expect(
        try store.engine.branches.domains() == [
          KnownDomain(.standard), KnownDomain(kept),
        ])
      let new = try store.engine.branches.createDomain(named: "kept", .masked).id
      #expect(losesJournal ? new > kept : new > unused)
      #expect(try store.engine.checks.check().findings == [])
    }
  }

  // MARK: Settings

  @Test func `a setting that cannot be read is damage, named, and makes nothing less strict`()
    throws
  {
    let store = try TestStore()
    let domain = try store.engine.branches.createDomain(named: "a", .masked)
    _ = try store.engine.branches.create(named: "main", domain: domain.id)
    var newer = DomainSetting(domain.id, .masked).encode()
    newer[0] = 2
    var unknown = DomainSetting(domain.id, .masked).encode()
    unknown[2] = 9
    let values: [([UInt8], StoreError.Kind)] = [
      ([1, 0, 3], .corrupt), (DomainSetting(.standard, .masked).encode(), .corrupt),
      (newer, .unsupportedFormat), (unknown, .unsupportedFormat),
    ]
    for (value, kind) in values {
      try store.engine.branches.set(try key("a"), to: value)
      let errors = [
        failure { _ = try store.engine.branches.domains() },
        failure { _ = try store.engine.branches.createDomain(named: "b", .raw) },
      ]
      for error in errors { #expect(error?.kind == kind && error?.object == "setting domain/a") }
      #expect(store.engine.branches.namedDomains().isEmpty, "\(value)")
      #expect(try store.engine.checks.check().findings.map(\.object) == ["setting domain/a"])
    }
    try store.engine.branches.set(try key("a"), to: nil)
    #expect(try store.engine.branches.domains().map(\.name) == [nil, nil])
    #expect(try store.engine.checks.check().findings == [])
  }

  @Test func `two settings with one number are a finding, and the stricter class holds`() throws {
    let store = try TestStore()
    let domain = try store.engine.branches.createDomain(named: "a", .schema)
    try store.engine.branches.set(try key("b"), to: DomainSetting(domain.id, .raw).encode())
    let known = try #require(store.engine.branches.namedDomains()[domain.id])
    #expect(known.name == "a" && known.domainClass == .raw)
    let finding = try #require(try store.engine.checks.check().findings.first)
    #expect(finding.object == "setting domain/b")
    #expect(finding.message == "domain/a has the same number, 1")
  }

  // MARK: Crossings

  @Test func `a base in another trust domain is a finding, of a page and of a node`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 4)
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, generator.bytes(100 * Self.page))
    try store.engine.sealer.sealAll()
    // Closes the segment: what follows lies in another one, and builds on this.
    _ = try store.engine.collector.collectGarbage(CollectionOptions())
    try main.put(1, at: 5, generator.bytes(8))
    try store.engine.sealer.sealAll()
    #expect(try store.engine.checks.check().findings == [])
    try store.engine.close()
    let segments = try StoreInspector(disk: store.disk).segments()
    let moved = try #require(segments.last)
    #expect(segments.count == 2)
    let file = try StoreInspector(disk: store.disk).segment(moved).file
    let uuid = store.engine.storeUUID
    var bytes = try store.disk.contents(of: file)
    let header = SegmentHeader(uuid: uuid, segment: moved, domain: DomainID(1)).encode()
    bytes.replaceSubrange(..<header.count, with: header)
    try store.disk.setContents(of: file, to: bytes)
    try edit(store) { catalogue in
      for index in catalogue.segments.indices where catalogue.segments[index].id == moved {
        catalogue.segments[index].domain = DomainID(1)
      }
    }
    try store.open()
    let derived = try StoreInspector(disk: store.disk).segment(moved).bundles.flatMap(\.frames)
      .filter { $0.entry.form.isDerived }
    #expect(Set(derived.map(\.entry.form.kind)) == [.page, .volumeNode])
    let findings = try store.engine.checks.check().findings
    for frame in derived {
      #expect(
        findings.contains {
          $0.object == "frame \(frame.name)"
            && $0.message.hasSuffix("lies in trust domain 0, itself in 1")
        })
    }
  }

  @Test func `hosts of one segment in two trust domains are a finding`() throws {
    let store = try TestStore()
    for domain in [0, 1] as [UInt32] {
      let branch = try store.engine.branches.create(named: "b\(domain)", domain: DomainID(domain))
      try branch.put(1, [1])
    }
    try store.engine.close()
    try edit(store) { catalogue in
      let home = SegmentID(catalogue.nextSegment)
      catalogue.nextSegment += 1
      catalogue.retired = [RetiredSegment(id: home, hosts: catalogue.segments.map(\.id))]
    }
    try store.open()
    let finding = try #require(try store.engine.checks.check().findings.first)
    #expect(finding.message == "its hosts lie in several trust domains, 0, 1")
  }
}
