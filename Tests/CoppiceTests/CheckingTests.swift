import Coppice
import TestSupport
import Testing

/// Checks, scrubs and repairs as a program that embeds the library does them.
@Suite struct CheckingTests {
  /// What was told, in order.
  private final class Told<Value> {
    var values: [Value] = []
  }

  private let folder: TemporaryFolder
  private let content: [UInt8]

  init() throws {
    folder = try TemporaryFolder()
    var generator = SplitMix64(seed: 5)
    content = generator.bytes(3_000_000)
    let store = try Store.create(at: folder("store"))
    let main = try store.createBranch("main")
    try main.writeFile("noise", content)
    try main.writeFile("fine", [1])
    try store.close()
  }

  /// Overwrites bytes of a file of the store.
  private func damage(_ file: String, at offset: Int) throws {
    var bytes = try TemporaryFolder.bytes(of: folder("store/\(file)"))
    for index in offset..<offset + 8 { bytes[index] ^= 0x55 }
    try folder.write("store/\(file)", bytes)
  }

  private func damagePage() throws { try damage("segments/0000000001", at: 900_000) }

  private func with<Result>(
    isReadOnly: Bool = false, _ body: (Store) throws -> Result
  ) throws -> Result {
    let store = try Store.open(
      at: folder("store"), options: Store.Options(isReadOnly: isReadOnly))
    defer { try? store.close() }
    return try body(store)
  }

  @Test func `a sound store is clean, open or not, and a check tells how far it is`() throws {
    let stages = Told<CheckProgress.Stage>()
    let closed = try Store.check(
      at: folder("store"), progress: { stages.values.append($0.stage) })
    #expect(closed.isClean && closed.findings.isEmpty && closed.omittedCount == 0)
    #expect(closed.segmentCount > 0 && closed.bundleCount > 0 && closed.frameCount > 300)
    #expect(closed.nodeCount > 0 && closed.pageRefCount > 300)
    #expect(stages.values.first == .files)
    #expect(Set(stages.values).isSuperset(of: [.journal, .segments, .manifests]))
    for isReadOnly in [false, true] {
      let told = Told<Int>()
      let open = try with(isReadOnly: isReadOnly) {
        try $0.check(progress: { told.values.append($0.doneCount) })
      }
      #expect(open.isClean && open.pageRefCount == closed.pageRefCount && told.values.count > 2)
    }
  }

  @Test func `what keeps a store from opening is a finding`() throws {
    try damage("superblock", at: 20)
    let one = try Store.check(at: folder("store"))
    #expect(!one.isClean && one.findings.contains { $0.object.hasPrefix("superblock copy") })
    let bytes = try TemporaryFolder.bytes(of: folder("store/superblock"))
    try folder.write("store/superblock", bytes.map { _ in 0 })
    #expect(throws: StoreError.self) { try with { _ in } }
    #expect(try !Store.check(at: folder("store")).isClean)
  }

  @Test func `a scrub finds a damaged page and the file that it belongs to`() throws {
    try damagePage()
    let progress = Told<ScrubProgress>()
    let report = try with { try $0.scrub(progress: { progress.values.append($0) }) }
    #expect(!report.isClean && report.findings.count == 1 && report.next == nil)
    let affected = try #require(report.findings.first?.affected.first)
    #expect(affected.branch == "main" && affected.path == "noise")
    #expect(affected.pages.map(\.pageCount) == [1])
    #expect(report.byteCount > 3_000_000 && progress.values.last?.byteCount == report.byteCount)
    #expect(progress.values.last?.findingCount == 1)
    #expect(try Store.check(at: folder("store")).isClean)
  }

  @Test func `a scrub goes on where the last one stopped, and tells what is verified`() throws {
    let first = try with { try $0.scrub(ScrubOptions(byteCountMax: 1)) }
    let next = try #require(first.next)
    #expect(first.isClean && first.completePassStartedAt == nil)
    let readOnly = try with(isReadOnly: true) { try $0.scrub(ScrubOptions(start: next)) }
    #expect(readOnly.next == nil && readOnly.completePassStartedAt == nil)
    let rest = try with { try $0.scrub() }
    #expect(rest.frameCount == readOnly.frameCount && rest.next == nil)
    let verified = try #require(rest.completePassStartedAt)
    let again = try with { store in
      _ = try store.scrub()
      return try store.scrub(ScrubOptions(byteCountMax: 1, isRestarting: true))
    }
    #expect(again.next != nil)
    #expect(try #require(again.completePassStartedAt) > verified)
  }

  @Test(
    arguments: [
      (ScrubOptions(), .denied), (ScrubOptions(start: "nowhere"), .invalid),
      (ScrubOptions(byteCountPerSecond: 0, start: "1:64"), .invalid),
      (ScrubOptions(byteCountMax: 0, start: "1:64"), .invalid),
    ] as [(ScrubOptions, StoreError.Kind)])
  func `a scrub refuses what makes no sense, and to keep its place where it cannot`(
    options: ScrubOptions, kind: StoreError.Kind
  ) throws {
    let store = try Store.open(
      at: folder("store"), options: Store.Options(isReadOnly: true))
    #expect(failure { _ = try store.scrub(options) }?.kind == kind)
    try store.close()
  }

  @Test func `checks and scrubs end when they are cancelled`() throws {
    let path = folder("store")
    #expect(failure { _ = try Store.check(at: path, isCancelled: { true }) }?.kind == .unavailable)
    let store = try Store.open(at: path)
    #expect(failure { _ = try store.check(isCancelled: { true }) }?.kind == .unavailable)
    // It would take weeks.
    let slow = ScrubOptions(byteCountPerSecond: 1)
    #expect(failure { _ = try store.scrub(slow, isCancelled: { true }) }?.kind == .unavailable)
    try store.close()
  }

  @Test func `a repair heals a page from another copy, and lists what it cannot heal`() throws {
    #expect(try Store.repair(at: folder("store")).steps.isEmpty)
    try damagePage()
    let before = try Store.repair(at: folder("store"))
    #expect(before.healedPageCount == 0 && before.lost.map(\.affected.first?.path) == ["noise"])
    _ = try with { try $0.createBranch("again").writeFile("noise", content) }
    let after = try Store.repair(at: folder("store"))
    #expect(after.healedPageCount == 1 && after.lost.isEmpty && after.firstDroppedRecord == nil)
    try with { store in
      let main = try store.branch("main")
      #expect(try main.read(main.lookup("noise")) == content)
    }
  }

  @Test func `a repair drops what was acknowledged only when that is accepted`() throws {
    for file in try Program("ls").check([folder("store")]).text.split(separator: "\n")
    where file.hasPrefix("catalogue-") {
      try damage(String(file), at: 20)
    }
    let refusal = failure { _ = try Store.repair(at: folder("store")) }
    #expect(refusal?.kind == .corrupt)
    #expect(refusal?.remedy.description.contains("`Store.repair` with") == true)
    let report = try Store.repair(at: folder("store"), acceptingLoss: true)
    #expect(report.steps.contains { $0.object == "catalogue" } && report.folder != nil)
    #expect(try Store.check(at: folder("store")).isClean)
  }

  @Test func `where there is no store, and where one is open, nothing is repaired`() throws {
    let nowhere = folder("nowhere")
    #expect(failure { _ = try Store.check(at: nowhere) }?.kind == .notFound)
    #expect(failure { _ = try Store.repair(at: nowhere) }?.kind == .notFound)
    let path = folder("store")
    let store = try Store.open(at: path)
    #expect(failure { _ = try Store.check(at: path) }?.kind == .inUse)
    #expect(failure { _ = try Store.repair(at: path) }?.kind == .inUse)
    try store.close()
  }
}
