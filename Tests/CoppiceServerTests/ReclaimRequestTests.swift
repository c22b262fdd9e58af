import Coppice
import CoppiceLifecycle
import CoppiceServer
import TestSupport
import Testing

@Suite struct ReclaimRequestTests {
  /// Runs `body` on the store, which is opened for it, so that all is in segments afterwards.
  private func with<Result>(
    _ folder: TemporaryFolder, creating: Bool = false, _ body: (RequestContext) throws -> Result
  ) throws -> Result {
    let path = folder("store")
    let store = creating ? try Store.create(at: path) : try Store.open(at: path)
    let context = RequestContext(
      store: store, work: Work(), files: OwnFiles(), doors: Doors(), principal: .administrator)
    let result = try body(context)
    try store.close()
    return result
  }

  @Test func `a proof that is not complete says why, and what to do`() throws {
    let folder = try TemporaryFolder()
    var generator = SplitMix64(seed: 1)
    try with(folder, creating: true) { context in
      let main = try context.store.createBranch("main")
      try main.writeFile("data", generator.bytes(3 << 20))
      try context.store.createBranch("trial", from: "main")
    }
    try with(folder) { context in
      _ = try context.store.collectGarbage(isFull: true)
      // What the other branch has is old from here on, and its alone.
      try context.store.branch("main").writeFile("data", generator.bytes(3 << 20))
      try context.store.delete(["trial"])
    }
    try with(folder) { context in
      _ = try context.store.collectGarbage(isYoung: true)
      let early = try ReclaimRequest(name: "trial").run(context)
      #expect(!early.isComplete && !early.isReclaimed)
      #expect(early.reason?.contains("old segments") == true)
      #expect(early.remedy?.contains("coppice gc --full") == true)
      _ = try context.store.collectGarbage(isFull: true)
      let proof = try ReclaimRequest(name: "trial").run(context)
      #expect(proof.isComplete && proof.isReclaimed)
      #expect(proof.reason == nil && proof.remedy == nil)
    }
  }
}
