import CoppiceEngine
import CoppiceFormat
import CoppicePlatform
import TestSupport
import Testing

@Suite struct AnnotationTests {
  private let plain = FieldTag(4)
  private let inherited = FieldTag(0x4009)
  private let critical = FieldTag(0x8003)
  private let criticalInherited = FieldTag(0xC008)

  @Test func `forks and resets inherit, live and after a crash`() throws {
    let test = try TestStore()
    let main = try test.engine.createBranch(
      named: "main", domain: .standard,
      annotations: [FieldChange(plain, [1]), FieldChange(inherited, [2])])
    let child = try test.engine.fork(
      main, named: "child", isReadOnly: false, annotations: [FieldChange(plain, [3])])
    try test.engine.annotate(child, [FieldChange(inherited, nil), FieldChange(FieldTag(5), [])])
    let snapshot = try test.engine.fork(main, named: "main@one", isReadOnly: true)
    try test.engine.annotate(snapshot, [FieldChange(plain, [4])])
    try test.engine.reset(child, to: snapshot, keepingOldAs: "old")
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
    for entry in engine.branchEntries() {
      all[entry.name] = Dictionary(
        uniqueKeysWithValues: entry.annotations.all.map { ($0.tag.rawValue, $0.value) })
    }
    return all
  }

  @Test func `a deletion takes its annotations along`() throws {
    let test = try TestStore()
    let branch = try test.engine.createBranch(named: "a", domain: .standard)
    try test.engine.delete([branch], annotations: [FieldChange(plain, [7])])
    try test.crash(seed: 1)
    let entry = try #require(test.engine.branchEntries().first)
    #expect(entry.flags.contains(.deleted))
    #expect(entry.annotations[plain] == [7])
  }

  @Test func `what a newer version restricted is read only`() throws {
    let test = try TestStore()
    let main = try test.engine.createBranch(named: "main", domain: .standard)
    let other = try test.engine.createBranch(named: "other", domain: .standard)
    try main.put(2, [1])
    for tag in [critical, criticalInherited] {
      try test.engine.annotate(main, [FieldChange(tag, [1])])
      let refused: [() throws -> Void] = [
        { _ = try main.put(2, [1]) },
        { _ = try test.engine.fork(main, named: "fork", isReadOnly: false) },
        { try test.engine.delete([main]) },
        { _ = try test.engine.deleteForGood([main]) },
        { try test.engine.reset(main, to: other, keepingOldAs: nil) },
        { try test.engine.reset(other, to: main, keepingOldAs: nil) },
        { try test.engine.beginImport(replacing: main).publishReplacing() },
      ]
      for (index, attempt) in refused.enumerated() {
        #expect(failure(attempt)?.kind == .unsupportedFormat, "attempt \(index)")
      }
      #expect(try main.attributes(of: VolumeNumber(2))?.byteCount == 1)
      try test.engine.rename([(main, "main-\(tag.rawValue)")])
      try test.engine.annotate(main, [FieldChange(tag, nil)])
      try main.put(2, [1])
    }
  }

  @Test func `a restriction holds after opening again`() throws {
    let test = try TestStore()
    let main = try test.engine.createBranch(
      named: "main", domain: .standard, annotations: [FieldChange(critical, [])])
    #expect(failure { try main.put(2, [1]) }?.kind == .unsupportedFormat)
    try test.crash(seed: 1)
    let again = try test.engine.branch(named: "main")
    #expect(failure { try again.put(2, [1]) }?.kind == .unsupportedFormat)
  }

  @Test func `a deleted entry that a newer version restricted is not forgotten`() throws {
    let test = try TestStore()
    let branch = try test.engine.createBranch(named: "a", domain: .standard)
    try test.engine.delete([branch], annotations: [FieldChange(critical, [1])])
    var options = CollectionOptions()
    options.forgetsAll = true
    _ = try test.engine.collectGarbage(options)
    #expect(test.engine.branchEntries().map(\.id) == [branch.id])
  }

  @Test func `an entry has 16 KiB of annotations`() throws {
    let test = try TestStore()
    let main = try test.engine.createBranch(named: "main", domain: .standard)
    let most = [UInt8](repeating: 1, count: Fields.byteCountMax - 6)
    try test.engine.annotate(main, [FieldChange(plain, most)])
    let changes = [FieldChange(inherited, [UInt8]())]
    let refused: [() throws -> Void] = [
      { try test.engine.annotate(main, changes) },
      { try test.engine.delete([main], annotations: changes) },
      {
        _ = try test.engine.createBranch(
          named: "b", domain: .standard, annotations: [FieldChange(plain, most + [1])])
      },
    ]
    for attempt in refused { #expect(failure(attempt)?.kind == .invalid) }
    #expect(test.engine.annotations(of: main)[plain] == most)
    #expect(test.engine.annotations(of: main).all.count == 1)
  }

  // MARK: Settings

  @Test func `settings are kept, replaced and removed, live and after a crash`() throws {
    let test = try TestStore()
    let (a, b) = (try #require(SettingKey("a")), try #require(SettingKey("b")))
    try test.engine.set(b, to: [1])
    try test.engine.set(a, to: [2])
    try test.engine.set(b, to: [3, 4])
    try test.engine.set(a, to: nil)
    try test.crash(seed: 1)
    #expect(test.engine.settings() == [Setting(b, [3, 4])])
    try test.reopen()
    #expect(test.engine.setting(b) == [3, 4])
    #expect(test.engine.setting(a) == nil)
  }

  @Test func `settings have limits, one by one and together`() throws {
    let test = try TestStore()
    let value = [UInt8](repeating: 7, count: Setting.valueByteCountMax)
    let key = try #require(SettingKey("key"))
    #expect(failure { try test.engine.set(key, to: value + [1]) }?.kind == .invalid)
    for index in 0..<255 { try test.engine.set(try #require(SettingKey("\(index)")), to: value) }
    #expect(failure { try test.engine.set(key, to: value) }?.kind == .invalid)
    try test.engine.set(try #require(SettingKey("7")), to: nil)
    try test.engine.set(key, to: value)
    try test.reopen()
    #expect(test.engine.settings().count == 255)
  }

  @Test func `on a full disk annotations go on and settings do not`() throws {
    let test = try TestStore()
    let main = try test.engine.createBranch(named: "main", domain: .standard)
    test.disk.capacity = test.disk.usedByteCount
    let key = try #require(SettingKey("key"))
    let value = [UInt8](repeating: 1, count: 60_000)
    var error: StoreError?
    for _ in 0..<40 where error == nil { error = failure { try test.engine.set(key, to: value) } }
    #expect(error?.kind == .full)
    try test.engine.annotate(main, [FieldChange(plain, [1])])
    test.disk.capacity = .max
    try test.crash(seed: 3)
    let again = try test.engine.branch(named: "main")
    #expect(test.engine.annotations(of: again)[plain] == [1])
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
    #expect(test.engine.branchEntries().isEmpty)
  }
}

/// The error that `body` ends with.
private func failure(_ body: () throws -> Void) -> StoreError? {
  do {
    try body()
    return nil
  } catch {
    return error as? StoreError
  }
}
