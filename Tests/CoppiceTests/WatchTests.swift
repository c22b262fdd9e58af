import Coppice
import Synchronization
import Testing

/// What doors are told of changes by other doors.
@Suite struct WatchTests {
  let fixture: StoreFixture
  var store: Store { fixture.store }

  init() throws { fixture = try StoreFixture() }

  @Test func `a watch hears of every change as long as it lives`() throws {
    let heard = HeardChanges()
    var watch: StoreWatch? = store.watch { heard.add($0) }
    let main = try store.createBranch("main")
    #expect(heard.take().last == .added)
    let made = try main.createFile("file", in: .root).file
    let name = DirectoryName("file", in: .root)
    guard case .files(entry: main.id, .names([name], of: let files))? = heard.take().last else {
      Issue.record("a file was made")
      return
    }
    #expect(Set(files) == [.root, made])
    try main.write(made, at: 0, [1, 2])
    #expect(heard.take() == [.files(entry: main.id, .content(of: made))])
    try store.createBranch("other", from: "main")
    try store.reset("main", to: "other")
    try store.rename("main", to: "third")
    try store.delete(["third"])
    try store.restore("third")
    #expect(
      heard.take() == [
        .added, .replaced(entry: main.id), .removed, .replaced(entry: main.id), .removed, .added,
      ])
    _ = watch
    watch = nil
    try store.createSnapshot("other@s")
    #expect(heard.take().isEmpty)
  }
}

/// What a watch told.
private final class HeardChanges: Sendable {
  private let changes = Mutex<[StoreChange]>([])

  func add(_ change: StoreChange) { changes.withLock { $0.append(change) } }

  func take() -> [StoreChange] {
    changes.withLock { changes in
      defer { changes = [] }
      return changes
    }
  }
}
