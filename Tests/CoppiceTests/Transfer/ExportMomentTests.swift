import Coppice
import CoppiceEngine
import Synchronization
import TestSupport
import Testing

/// A writer that keeps an invariant over two files and a name, in one transaction each.
final class PairWriter: Sendable {
  static let byteCount = 3 << 20
  private static let stampOffsets = stride(from: UInt64(100), to: UInt64(byteCount), by: 700_000)

  private let branch: Branch
  private let number = Mutex(0)

  init(_ store: Store, branch name: String = "main") throws {
    branch = try store.createBranch(name)
    let bytes = [UInt8](repeating: 1, count: Self.byteCount)
    try branch.writeFile("left", bytes)
    try branch.writeFile("right", bytes)
    try branch.writeFile("mark-0", [])
    try advance()
  }

  /// Gives all stamps of both files, and the name, the next number.
  func advance() throws(StoreError) {
    try number.withLock { number throws(StoreError) in
      let next = number + 1
      try branch.transaction { changes throws(StoreError) in
        for path in ["left", "right"] as [FileName] {
          let file = try changes.lookup(path, in: .root).file
          for offset in Self.stampOffsets {
            try changes.write(file, at: offset, withUnsafeBytes(of: UInt64(next)) { Array($0) })
          }
        }
        try changes.rename(
          FileName(stringLiteral: "mark-\(number)"), in: .root,
          to: FileName(stringLiteral: "mark-\(next)"), in: .root)
      }
      number = next
    }
  }

  /// The numbers that a file's content has.
  static func stamps(_ content: some Collection<UInt8>) -> Set<UInt64> {
    let bytes = Array(content)
    return Set(
      stampOffsets.map { offset in
        bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: Int(offset), as: UInt64.self) }
      })
  }

  /// Whether two contents, and a name if there is one, are of one moment.
  static func agree(
    _ left: [UInt8], _ right: [UInt8], mark: String? = nil
  ) -> Bool {
    let stamps = stamps(left).union(stamps(right))
    guard left.count == byteCount, right.count == byteCount, stamps.count == 1 else { return false }
    return mark.map { $0 == "mark-\(stamps.first ?? 0)" } ?? true
  }
}

/// What leaves a branch that is written to meanwhile.
@Suite struct ExportMomentTests {
  let fixture: StoreFixture
  let folder: TemporaryFolder
  let writer: PairWriter
  var store: Store { fixture.store }

  init() throws {
    fixture = try StoreFixture()
    folder = try TemporaryFolder()
    writer = try PairWriter(fixture.store)
  }

  /// Options of an export that runs `body` at each of its steps.
  private func options(
    isTar: Bool = false, _ body: @escaping @Sendable () throws(StoreError) -> Void
  ) -> ExportOptions {
    var options = ExportOptions()
    options.isTar = isTar
    options.isCancelled = {
      do throws(StoreError) { try body() } catch { Issue.record("\(error)") }
      return false
    }
    return options
  }

  private func expectOneMoment(in directory: String) throws {
    let names = try Program("ls").check([directory]).text.split(separator: "\n").map(String.init)
    #expect(names.count == 3)
    #expect(
      PairWriter.agree(
        try TemporaryFolder.bytes(of: "\(directory)/left"),
        try TemporaryFolder.bytes(of: "\(directory)/right"), mark: names[1]))
  }

  @Test func `an export of a branch in use is of one moment`() throws {
    let tree = try store.tree("main")
    let report = try tree.exportFiles(
      to: .path(folder("out")),
      options: options { [writer] () throws(StoreError) in
        try writer.advance()
      })
    #expect(report.fileCount == 3)
    try expectOneMoment(in: folder("out"))
  }

  @Test func `a tar stream of a branch in use is of one moment`() throws {
    _ = try store.tree("main").exportFiles(
      to: .path(folder("out.tar")),
      options: options(isTar: true) {
        [writer] () throws(StoreError) in try writer.advance()
      })
    try Program("mkdir").check([folder("out")])
    try Program("tar").check(["-xf", folder("out.tar"), "-C", folder("out")])
    try expectOneMoment(in: folder("out"))
  }

  @Test func `an export outlives seals, collections and the deletion of its branch for good`()
    throws
  {
    let store = store
    let isFirst = Mutex(true)
    _ = try store.tree("main").exportFiles(
      to: .path(folder("out")),
      options: options { [writer] () throws(StoreError) in
        let isFirst = isFirst.withLock { isFirst in
          defer { isFirst = false }
          return isFirst
        }
        guard isFirst else { return }
        try writer.advance()
        try store.engine.sealer.sealAll()
        _ = try store.collectGarbage(isFull: true)
        try store.delete(["main"])
        _ = try store.collectGarbage(isFull: true)
      })
    try expectOneMoment(in: folder("out"))
    #expect(failure { _ = try store.tree("main") }?.kind == .notFound)
  }

  @Test func `what a failed export held is given back`() throws {
    var options = ExportOptions()
    options.isCancelled = { true }
    let error = failure {
      _ = try store.tree("main").exportFiles(to: .path(folder("out")), options: options)
    }
    #expect(error?.kind == .unavailable)
    try store.delete(["main"])
    _ = try store.collectGarbage(isFull: true)
    let parts = try store.spaceUsage().parts
    #expect(!parts.contains { $0.holder == .reader })
  }

  @Test func `two calls see two states of a branch, and one state of its moment`() throws {
    let branch = try store.branch("main")
    let left = try branch.lookup("left")
    let right = try branch.lookup("right")
    let moment = try branch.moment()
    let first = try moment.read(left)
    let torn = try branch.read(left)
    try writer.advance()
    #expect(try !PairWriter.agree(torn, branch.read(right)))
    #expect(try PairWriter.agree(first, moment.read(right)))
    #expect(try moment.moment() === moment)
    #expect(failure { try moment.core.update { _ throws(StoreError) in } } == nil)
    #expect(
      failure {
        try moment.core.update { changes throws(StoreError) in
          try changes.remove("left", in: .root)
        }
      } != nil)
  }
}
