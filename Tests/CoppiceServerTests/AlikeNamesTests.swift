import Coppice
import CoppiceLifecycle
import CoppiceServer
import TestSupport
import Testing

/// Requests about names, labels and owners that look alike in other bytes.
@Suite struct AlikeNamesTests {
  /// One letter in one scalar and in two: equal to `==`.
  private let one = "caf\u{E9}"
  private let two = "cafe\u{301}"
  private let folder: TemporaryFolder
  private let context: RequestContext

  init() throws {
    folder = try TemporaryFolder()
    context = RequestContext(
      store: try Store.create(at: folder("store")), work: Work(), files: OwnFiles(),
      doors: Doors(), principal: .administrator)
    for name in [one, two] {
      let terms = RequestedTerms(owner: name, labels: ["\(name)=\(name)"])
      _ = try BranchCreateRequest(name: name, from: nil, terms: terms).run(context)
    }
  }

  private func found(_ request: BranchListRequest) throws -> [[UInt8]] {
    try request.run(context).branches.map { Array($0.name.utf8) }
  }

  @Test func `lists find what has the bytes that were asked for`() throws {
    for name in [one, two] {
      #expect(try found(BranchListRequest(labels: ["\(name)=\(name)"])) == [Array(name.utf8)])
      #expect(try found(BranchListRequest(owner: name)) == [Array(name.utf8)])
    }
    #expect(try found(BranchListRequest(labels: ["\(one)=\(two)"])).isEmpty)
  }

  @Test func `a label is removed by the bytes of its key`() throws {
    let missing = #expect(throws: StoreError.self) {
      try LabelRequest(name: one, labels: [], remove: [two]).run(context)
    }
    #expect(missing?.kind == .notFound)
    let left = try LabelRequest(name: one, labels: [], remove: [one]).run(context)
    #expect(left.entries.map(\.labels) == [[:]])
  }

  @Test func `one key in two kinds of bytes is of no entry`() throws {
    let asked = ["\(one)=1", "\(two)=1"]
    #expect(try found(BranchListRequest(labels: asked)).isEmpty)
    let terms = RequestedTerms(labels: asked)
    let refused = #expect(throws: StoreError.self) {
      try BranchCreateRequest(name: "x", from: nil, terms: terms).run(context)
    }
    #expect(refused?.kind == .invalid)
  }

  @Test func `a proof is of one of two branches that look alike`() throws {
    let request = BranchDeleteRequest(
      names: [one, two], ifExists: false, snapshots: false, force: false, now: true,
      dryRun: false, proof: true)
    let refused = #expect(throws: StoreError.self) { try request.run(context) }
    #expect(refused?.kind == .invalid && refused?.message == "a proof is of one branch")
    #expect(try context.store.entries().count == 2)
  }
}
