import CoppiceEngine
import CoppiceFormat
import CoppicePlatform
import TestSupport
import Testing

@Suite struct AnnotationTests {
  private let plain = FieldTag(4)
  private let inherited = FieldTag(0x4009)
  private let critical = FieldTag(0x8F03)
  private let criticalInherited = FieldTag(0xC008)

  @Test func `forks and resets inherit, live and after a crash`() throws {
    let test = try TestStore()
    let main = try test.engine.branches.create(
      named: "main",
      annotations: [FieldChange(plain, [1]), FieldChange(inherited, [2])])
    let child = try test.engine.branches.fork(
      main, named: "child", isReadOnly: false, annotations: [FieldChange(plain, [3])])
    try test.engine.branches.annotate(
      child, [FieldChange(inherited, nil), FieldChange(FieldTag(5), [])])
    let snapshot = try test.engine.branches.fork(main, named: "main@one", isReadOnly: true)
    try test.engine.branches.annotate(snapshot, [FieldChange(plain, [4])])
    try test.engine.branches.reset(child, to: snapshot, keepingOldAs: "old")
    let expected: [String: [UInt16: [UInt8]]] = [
      "main": [4: [1], 0x4009: [2]], "main@one": [4: [4], 0x4009: [2]],
      "child": [4: [3], 5: [], 0x4009: [2]], "old": [:],
    ]
    #expect(annotations(of: test.engine) == expected)
    try test.crash(seed: 1)
    #expect(annotations(of: test.engine) == expected)
    try test.reopen()
    #expect(annotations(of: test.engine) == expected)
  }

  private func annotations(of engine: Engine) -> [String: [UInt16: [UInt8]]] {
    var all: [String: [UInt16: [UInt8]]] = [:]
    for entry in engine.branches.entries() {
      all[entry.name] = Dictionary(
        uniqueKeysWithValues: entry.annotations.all.map { ($0.tag.rawValue, $0.value) })
    }
    return all
  }

  @Test func `a deletion takes its annotations along`() throws {
    let test = try TestStore()
    let branch = try test.engine.branches.create(named: "a")
    try test.engine.branches.delete([branch], annotations: [FieldChange(plain, [7])])
    try test.crash(seed: 1)
    let entry = try #require(test.engine.branches.entries().first)
    #expect(entry.flags.contains(.deleted))
    #expect(entry.annotations[plain] == [7])
  }

  @Test func `what a newer version restricted is read only`() throws {
    let test = try TestStore()
    let main = try test.engine.branches.create(named: "main")
    let other = try test.engine.branches.create(named: "other")
    try main.put(2, [1])
    for tag in [critical, criticalInherited] {
      try test.engine.branches.annotate(main, [FieldChange(tag, [1])])
      let refused: [() throws -> Void] = [
        { _ = try main.put(2, [1]) },
        { _ = try test.engine.branches.fork(main, named: "fork", isReadOnly: false) },
        { try test.engine.branches.delete([main]) },
        { _ = try test.engine.collector.deleteForGood([main]) },
        { try test.engine.branches.reset(main, to: other, keepingOldAs: nil) },
        { try test.engine.branches.reset(other, to: main, keepingOldAs: nil) },
        { try test.engine.imports.begin(replacing: main).publishReplacing() },
      ]
      for (index, attempt) in refused.enumerated() {
        #expect(failure(attempt)?.kind == .unsupportedFormat, "attempt \(index)")
      }
      #expect(try main.attributes(of: VolumeNumber(2))?.byteCount == 1)
      try test.engine.branches.rename([(main, "main-\(tag.rawValue)")])
      try test.engine.branches.annotate(main, [FieldChange(tag, nil)])
      try main.put(2, [1])
    }
  }

  @Test func `a restriction holds after opening again`() throws {
    let test = try TestStore()
    let main = try test.engine.branches.create(
      named: "main", annotations: [FieldChange(critical, [])])
    #expect(failure { try main.put(2, [1]) }?.kind == .unsupportedFormat)
    try test.crash(seed: 1)
    let again = try test.engine.branches.named("main")
    #expect(failure { try again.put(2, [1]) }?.kind == .unsupportedFormat)
  }

  @Test func `a deleted entry that a newer version restricted is not forgotten`() throws {
    let test = try TestStore()
    let branch = try test.engine.branches.create(named: "a")
    try test.engine.branches.delete([branch], annotations: [FieldChange(critical, [1])])
    var options = CollectionOptions()
    options.forgetting = .all
    _ = try test.engine.collector.collectGarbage(options)
    #expect(test.engine.branches.entries().map(\.id) == [branch.id])
  }

  @Test func `an entry has 16 KiB of annotations`() throws {
    let test = try TestStore()
    let main = try test.engine.branches.create(named: "main")
    let most = [UInt8](repeating: 1, count: Fields.byteCountMax - 6)
    try test.engine.branches.annotate(main, [FieldChange(plain, most)])
    let changes = [FieldChange(inherited, [UInt8]())]
    let refused: [() throws -> Void] = [
      { try test.engine.branches.annotate(main, changes) },
      { try test.engine.branches.delete([main], annotations: changes) },
      {
        _ = try test.engine.branches.create(
          named: "b", annotations: [FieldChange(plain, most + [1])])
      },
    ]
    for attempt in refused { #expect(failure(attempt)?.kind == .invalid) }
    #expect(test.engine.branches.annotations(of: main)[plain] == most)
    #expect(test.engine.branches.annotations(of: main).all.count == 1)
  }

  @Test func `a replaced branch keeps its annotations, whether or not they are known`() throws {
    let test = try TestStore()
    let main = try test.engine.branches.create(named: "main")
    let tags = [plain, FieldTag(0x3FFE), FieldTag(0x7FFE)]
    try test.engine.branches.annotate(main, tags.map { FieldChange($0, [9, 0, 8]) })
    try test.engine.imports.begin(replacing: main).publishReplacing()
    try test.engine.imports.begin(replacing: main).publishReplacing(
      annotations: [FieldChange(FieldTag(5), [1])])
    let expected: [UInt16: [UInt8]] = [
      4: [9, 0, 8], 5: [1], 0x3FFE: [9, 0, 8], 0x7FFE: [9, 0, 8],
    ]
    #expect(annotations(of: test.engine) == ["main": expected])
    try test.crash(seed: 1)
    #expect(annotations(of: test.engine) == ["main": expected])
  }

  // MARK: Repair

  /// A closed store with fields of a newer version in the catalogue, and in the journal ones that
  /// restrict a fork.
  private func storeOfNewerVersion() throws -> TestStore {
    let test = try TestStore()
    let main = try test.engine.branches.create(
      named: "main", annotations: [FieldChange(FieldTag(0x7FFE), [1])])
    var generator = SplitMix64(seed: 1)
    try main.put(1, generator.bytes(10 * test.pageByteCount))
    try test.engine.branches.set(try #require(SettingKey("newer/setting")), to: [2])
    try test.reopen()
    let again = try test.engine.branches.named("main")
    let fork = try test.engine.branches.fork(again, named: "restricted", isReadOnly: false)
    try fork.put(1, [7])
    try test.engine.sealer.sealAll()
    try test.engine.branches.annotate(fork, [FieldChange(criticalInherited, [3])])
    test.disk.kill()
    test.engine.abandon()
    return test
  }

  private let newerAnnotations: [String: [UInt16: [UInt8]]] = [
    "main": [0x7FFE: [1]], "restricted": [0x7FFE: [1], 0xC008: [3]],
  ]

  @Test func `a repair of content keeps what it does not know`() throws {
    let test = try storeOfNewerVersion()
    try test.open()
    try test.engine.close()
    let inspection = try StoreInspector(disk: test.disk).segment(SegmentID(1))
    let bundle = try #require(inspection.bundles.first)
    let directory = bundle.offset + UInt64(bundle.header.directoryOffset)
    try test.disk.flipBit(0, at: directory + 3, in: inspection.file)
    let report = try test.repair()
    #expect(report.steps.map(\.object) == [inspection.file])
    try test.open()
    #expect(annotations(of: test.engine) == newerAnnotations)
    #expect(test.engine.branches.settings().map(\.value) == [[2]])
    let restricted = try test.engine.branches.named("restricted")
    #expect(failure { try restricted.put(1, [8]) }?.kind == .unsupportedFormat)
    #expect(try restricted.get(1, 1) == [7])
  }

  @Test func `a repair of a store that a newer version restricted replays the restriction`() throws
  {
    let test = try storeOfNewerVersion()
    #expect(try test.repair().steps == [])
    try test.open()
    #expect(annotations(of: test.engine) == newerAnnotations)
  }

  @Test func `a catalogue that repair put together has no annotations and says so`() throws {
    let test = try storeOfNewerVersion()
    for file in test.disk.fileNames() where file.hasPrefix("catalogue-") {
      for offset in [60, 68] as [UInt64] { try test.disk.flipBit(1, at: offset, in: file) }
    }
    #expect(failure { _ = try test.repair() }?.kind == .corrupt)
    let report = try test.repair(acceptsLoss: true)
    let action = try #require(report.steps.first).action
    #expect(action.contains("without all annotations and settings"), "\(action)")
    try test.open()
    #expect(annotations(of: test.engine) == ["main": [:], "restricted": [:]])
    #expect(test.engine.branches.settings() == [.repaired])
    #expect(try test.engine.branches.named("restricted").get(1, 1) == [7])
    #expect(try test.engine.checks.check().findings == [])
    try test.crash(seed: 1)
    #expect(annotations(of: test.engine) == ["main": [:], "restricted": [:]])
  }

  // MARK: Settings

  @Test func `settings are kept, replaced and removed, live and after a crash`() throws {
    let test = try TestStore()
    let (a, b) = (try #require(SettingKey("a")), try #require(SettingKey("b")))
    try test.engine.branches.set(b, to: [1])
    try test.engine.branches.set(a, to: [2])
    try test.engine.branches.set(b, to: [3, 4])
    try test.engine.branches.set(a, to: nil)
    try test.crash(seed: 1)
    #expect(test.engine.branches.settings() == [Setting(b, [3, 4])])
    try test.reopen()
    #expect(test.engine.branches.setting(b) == [3, 4])
    #expect(test.engine.branches.setting(a) == nil)
  }

  @Test func `settings have limits, one by one and together`() throws {
    let test = try TestStore()
    let value = [UInt8](repeating: 7, count: Setting.valueByteCountMax)
    let key = try #require(SettingKey("key"))
    #expect(failure { try test.engine.branches.set(key, to: value + [1]) }?.kind == .invalid)
    for index in 0..<255 {
      try test.engine.branches.set(try #require(SettingKey("\(index)")), to: value)
    }
    #expect(failure { try test.engine.branches.set(key, to: value) }?.kind == .invalid)
    try test.engine.branches.set(try #require(SettingKey("7")), to: nil)
    try test.engine.branches.set(key, to: value)
    try test.reopen()
    #expect(test.engine.branches.settings().count == 255)
  }

  @Test func `on a full disk annotations go on and settings do not`() throws {
    let test = try TestStore()
    let main = try test.engine.branches.create(named: "main")
    test.disk.capacity = test.disk.usedByteCount
    let key = try #require(SettingKey("key"))
    let value = [UInt8](repeating: 1, count: 60_000)
    var error: StoreError?
    for _ in 0..<40 where error == nil {
      error = failure { try test.engine.branches.set(key, to: value) }
    }
    #expect(error?.kind == .full)
    try test.engine.branches.annotate(main, [FieldChange(plain, [1])])
    test.disk.capacity = .max
    try test.crash(seed: 3)
    let again = try test.engine.branches.named("main")
    #expect(test.engine.branches.annotations(of: again)[plain] == [1])
  }

  // MARK: Newer versions

  @Test func `an unknown critical field of the store forbids writing`() throws {
    let test = try TestStore()
    try test.engine.close()
    let inspector = StoreInspector(disk: test.disk)
    let newest = try #require(try inspector.catalogues().first)
    var catalogue = try newest.content.get()
    catalogue.extensions = SampleValues.fields
    let file = try test.disk.open(newest.file, .write)
    let bytes = catalogue.encode()
    try file.truncate(to: UInt64(bytes.count))
    try bytes.withUnsafeBytes { try file.write($0, at: 0) }
    #expect(failure { try test.open() }?.kind == .unsupportedFormat)
    #expect(failure { _ = try test.repair(acceptsLoss: true) }?.kind == .unsupportedFormat)
    test.options.isReadOnly = true
    try test.open()
    #expect(test.engine.branches.entries().isEmpty)
  }
}
