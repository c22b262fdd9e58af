import Coppice
import CoppiceLifecycle
import CoppiceServer
import TestSupport
import Testing

/// Branches that somebody uses when they are to be pulled away.
@Suite struct BranchUseTests {
  private let folder: TemporaryFolder
  private let store: Store
  private let main: Branch

  init() throws {
    folder = try TemporaryFolder()
    store = try Store.create(at: folder("store"))
    main = try store.createBranch("main")
    try main.writeFile("file", [1])
    try store.createBranch("other")
    try store.createSnapshot("main@one")
  }

  private func user(
    _ process: Int32, _ name: String, of entry: String = "main", files: Int = 1,
    works: Bool = false
  ) -> DoorUser {
    DoorUser(
      process: process, name: name, userID: 0, entry: entry, fileCount: files,
      isWorkingThere: works)
  }

  private func perform<Request: StoreRequest>(
    _ request: Request, _ users: [DoorUser]
  ) throws -> Request.Answer {
    let doors = Doors()
    try doors.add(FakeDoor("/mnt", users: users))
    defer { try? doors.closeAll() }
    return try request.run(
      RequestContext(
        store: store, work: Work(), files: OwnFiles(), doors: doors, principal: .administrator))
  }

  /// The error of a request that must fail while the users use what they do.
  private func refusal(
    of request: some StoreRequest, _ users: [DoorUser]
  ) throws -> StoreError {
    try #require(throws: StoreError.self) { try perform(request, users) }
  }

  private func delete(dryRun: Bool = false, force: Bool = false) -> BranchDeleteRequest {
    BranchDeleteRequest(
      names: ["main"], ifExists: false, snapshots: true, force: force, now: false, dryRun: dryRun)
  }

  private func reset(dryRun: Bool) -> BranchResetRequest {
    BranchResetRequest(name: "main", to: "other", keepOld: nil, force: false, dryRun: dryRun)
  }

  @Test func `the error says how many files, who has them open, and what to do`() throws {
    let file = try main.open(main.lookup("file"))
    defer { file.close() }
    let error = try refusal(of: delete(), [user(71, "psql")])
    #expect(error.kind == .inUse && error.object == "main")
    #expect(error.message == "1 file is open, by process 71 (psql)")
    #expect(error.remedy == "stop it, or add --force")
    let second = try main.open(main.lookup("file"))
    defer { second.close() }
    let many = try refusal(of: delete(), (1...5).map { user($0, "p\($0)") })
    #expect(
      many.message == "2 files are open, by processes 1 (p1), 2 (p2), 3 (p3) and 2 more")
    #expect(many.remedy == "stop them, or add --force")
    let unseen = try refusal(of: delete(), [user(9, "cat", of: "other")])
    #expect(unseen.message.contains("cannot be seen from here"))
  }

  @Test func `a door that is no mount counts, and is none`() throws {
    let doors = Doors()
    let device = FakeDevice(users: [user(71, "psql")])
    try doors.add(device)
    try doors.add(FakeDoor("/mnt"))
    let context = RequestContext(
      store: store, work: Work(), files: OwnFiles(), doors: doors, principal: .administrator)
    let error = #expect(throws: StoreError.self) { try delete().run(context) }
    #expect(error?.message.hasSuffix("by process 71 (psql)") == true)
    #expect(doors.mounts.map(\.directory) == ["/mnt"] && doors.all.count == 2)
    try doors.closeAll()
    #expect(device.isClosed)
  }

  @Test func `an idle server counts, a shell that stands there does not`() throws {
    let error = try refusal(of: delete(), [user(12, "postgres", files: 0, works: true)])
    #expect(error.message == "a PostgreSQL server works on it, by process 12 (postgres)")
    let shell = user(13, "bash", files: 0, works: true)
    #expect(throws: Never.self) { try perform(delete(), [shell]) }
  }

  @Test func `whatever pulls a branch away is refused, a rehearsal of it too`() throws {
    let users = [user(12, "postgres")]
    let requests: [any StoreRequest] = [
      delete(), delete(dryRun: true), reset(dryRun: false), reset(dryRun: true),
      BranchRenameRequest(name: "main", newName: "new"),
    ]
    for request in requests {
      #expect(try refusal(of: request, users).kind == .inUse, "\(request)")
    }
    for dryRun in [true, false] {
      let request = SnapshotDeleteRequest(names: ["main@one"], dryRun: dryRun)
      #expect(try refusal(of: request, [user(3, "tar", of: "main@one")]).kind == .inUse)
    }
    let names = try store.entries().map(\.name)
    #expect(names == ["main", "main@one", "other"])
    _ = try perform(BranchRenameRequest(name: "main", newName: "new", force: true), users)
    #expect(try store.entries().map(\.name) == ["new", "new@one", "other"])
  }

  /// It would not see what others change in its files.
  @Test func `what writes to a branch is refused while a PostgreSQL server works on it`() throws {
    let server = user(12, "postgres", files: 0, works: true)
    func put(force: Bool) -> FilePutRequest {
      FilePutRequest(entry: "main", path: "file", source: nil, zeroByteCount: 3, force: force)
    }
    func remove(force: Bool, dryRun: Bool = false) -> FileRemoveRequest {
      FileRemoveRequest(
        entry: "main", path: "file", recursive: false, force: force, dryRun: dryRun)
    }
    let requests: [any StoreRequest] = [
      put(force: false), remove(force: false), remove(force: false, dryRun: true),
    ]
    for request in requests {
      let error = try refusal(of: request, [user(71, "psql"), server])
      #expect(error.kind == .inUse && error.object == "main", "\(request)")
      #expect(error.message == "a PostgreSQL server works on it, by process 12 (postgres)")
      #expect(error.remedy == "stop it, or add --force")
    }
    #expect(try main.read(main.lookup("file")) == [1])
    _ = try perform(put(force: true), [server])
    #expect(try main.read(main.lookup("file")) == [0, 0, 0])
    _ = try perform(remove(force: true), [server])
    // Other programs, and servers on other branches, do not mind.
    _ = try perform(put(force: false), [user(71, "psql"), user(12, "postgres", of: "other")])
    _ = try perform(remove(force: false), [user(71, "psql")])
    #expect(throws: StoreError.self) { try main.lookup("file") }
  }

  @Test func `the library renames a branch with open files by force only`() throws {
    let file = try main.open(main.lookup("file"))
    defer { file.close() }
    let error = #expect(throws: StoreError.self) { try store.rename("main", to: "new") }
    #expect(error?.kind == .inUse)
    #expect(error?.message == "1 file is open in this program")
    try store.rename("main", to: "new", force: true)
    #expect(try main.read(file.id) == [1])
  }

  @Test func `a rehearsed reset fails as the real one would`() throws {
    let requests: [(BranchResetRequest, StoreError.Kind)] = [false, true].flatMap { dryRun in
      [
        (reset("main", to: "nothing", dryRun), .notFound),
        (reset("nothing", to: "main", dryRun), .notFound),
        (reset("main@one", to: "main", dryRun), .denied),
        (reset("main", to: "other", keepOld: "other", dryRun), .conflict),
        (reset("main", to: "other", keepOld: "a/b", dryRun), .invalid),
      ]
    }
    for (request, kind) in requests {
      #expect(try refusal(of: request, []).kind == kind, "\(request)")
    }
  }

  private func reset(
    _ name: String, to source: String, keepOld: String? = nil, _ dryRun: Bool
  ) -> BranchResetRequest {
    BranchResetRequest(name: name, to: source, keepOld: keepOld, force: false, dryRun: dryRun)
  }
}
