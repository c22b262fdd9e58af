import Coppice
import CoppiceLifecycle
import CoppiceServer
import TestSupport
import Testing

@Suite struct RestoreRequestTests {
  @Test func `what is left of a refresh comes back for nobody`() throws {
    let folder = try TemporaryFolder()
    let store = try Store.create(at: folder("store"))
    let context = RequestContext(
      store: store, work: Work(), files: OwnFiles(), doors: Doors(), principal: .administrator)
    try store.createBranch("prod.raw-1", annotations: [AnnotationChange(.part, [1])])
    try store.createBranch("other")
    try store.delete(["prod.raw-1", "other"])
    let error = #expect(throws: StoreError.self) {
      try BranchRestoreRequest(name: "prod.raw-1", newName: nil).run(context)
    }
    #expect(error?.kind == .denied)
    _ = try BranchRestoreRequest(name: "other", newName: nil).run(context)
    #expect(try store.entries(in: .live).map(\.name) == ["other"])
    try store.close()
  }
}
