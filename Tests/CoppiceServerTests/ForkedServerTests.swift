import Coppice
import CoppiceLifecycle
import CoppiceServer
import TestSupport
import Testing

/// Forks of branches with a PostgreSQL data directory in them.
@Suite struct ForkedServerTests {
  private let folder: TemporaryFolder
  private let store: Store

  init() throws {
    folder = try TemporaryFolder()
    store = try Store.create(at: folder("store"))
  }

  /// A branch with the files by which a data directory is known.
  private func makeMain(at place: String = "", links: [String: String] = [:]) throws {
    let main = try store.createBranch("main")
    let prefix = place.isEmpty ? "" : "\(place)/"
    for directory in ["global", "pg_tblspc", "pg_replslot", "base/1"] {
      _ = try main.createDirectories(BranchPath(prefix + directory))
    }
    for file in ["PG_VERSION", "postmaster.pid", "global/pg_control", "base/1/PG_VERSION"] {
      try main.writeFile(BranchPath(prefix + file), Array("1".utf8))
    }
    _ = try main.createDirectories("spaces/fast")
    let directory = try main.lookup(BranchPath(prefix + "pg_tblspc"))
    for (name, target) in links {
      try main.createSymbolicLink(FileName(name), in: directory, target: Array(target.utf8))
    }
  }

  private func perform<Request: StoreRequest>(
    _ request: Request, mounts: [String] = []
  ) throws -> Request.Answer {
    let doors = Doors()
    for mount in mounts { try doors.add(FakeDoor(mount)) }
    defer { try? doors.closeAll() }
    return try request.run(
      RequestContext(
        store: store, work: Work(), files: OwnFiles(), doors: doors, principal: .administrator))
  }

  private func fork(
    mounts: [String], postgres: Bool = true, keepLinks: Bool = false
  ) throws -> BranchCreateRequest.Answer {
    try perform(
      BranchCreateRequest(name: "child", from: "main", postgres: postgres, keepLinks: keepLinks),
      mounts: mounts)
  }

  /// A base backup's way of saying where tablespaces are.
  private func writeMap(_ map: String) throws {
    let main = try store.branch("main")
    try main.writeFile("tablespace_map", Array(map.utf8))
    try main.writeFile("backup_label", [])
  }

  private func map(of branch: String) throws -> String {
    let tree = try store.tree(branch)
    return String(decoding: try tree.read(tree.lookup("tablespace_map")), as: UTF8.self)
  }

  private func has(_ branch: String) throws -> Bool {
    try store.entries(in: .all).contains { $0.name == branch }
  }

  private func target(_ link: String, of branch: String = "child") throws -> String {
    let tree = try store.tree(branch)
    return String(
      decoding: try tree.symbolicLinkTarget(of: tree.lookup(BranchPath(link))), as: UTF8.self)
  }

  @Test(arguments: ["", "15/data"])
  func `the fork loses its origin's process number, the origin keeps it`(place: String) throws {
    try makeMain(at: place)
    let notes = try fork(mounts: []).notes
    let path = try BranchPath(place.isEmpty ? "postmaster.pid" : "\(place)/postmaster.pid")
    #expect(throws: StoreError.self) { try store.tree("child").lookup(path) }
    #expect(throws: Never.self) { try store.tree("main").lookup(path) }
    #expect(notes.contains { $0.hasPrefix("removed postmaster.pid") })
    #expect(notes.contains { $0.contains("archive_command") && $0.contains("scheduled jobs") })
  }

  @Test func `a link to the origin's files leads to the fork's own copy`() throws {
    try makeMain(links: ["1": "/mnt/main/spaces/fast", "2": "/mnt/./x/../main/spaces/fast/"])
    let answer = try fork(mounts: ["/other", "/mnt"])
    #expect(try target("pg_tblspc/1") == "/mnt/child/spaces/fast")
    #expect(try target("pg_tblspc/2") == "/mnt/child/spaces/fast")
    #expect(try target("pg_tblspc/1", of: "main") == "/mnt/main/spaces/fast")
    #expect(answer.notes.count { $0.contains("now leads to /mnt/child/spaces/fast") } == 2)
  }

  @Test func `a link without an own copy, or out of the store, is told and left`() throws {
    try makeMain(links: [
      "1": "/mnt/main/nowhere", "2": "/srv/space", "3": "/mnt/child/spaces/fast",
      "4": "../spaces/fast", "5": "../../main/spaces/fast",
    ])
    let answer = try fork(mounts: ["/mnt"], keepLinks: true)
    #expect(try target("pg_tblspc/1") == "/mnt/main/nowhere")
    #expect(try target("pg_tblspc/2") == "/srv/space")
    #expect(try target("pg_tblspc/5") == "/mnt/child/spaces/fast")
    #expect(answer.notes.contains { $0.contains("pg_tblspc/1") && $0.contains("files of main") })
    #expect(answer.notes.contains { $0.contains("pg_tblspc/2") && $0.contains("outside") })
    #expect(!answer.notes.contains { $0.contains("pg_tblspc/3") || $0.contains("pg_tblspc/4") })
  }

  @Test func `a fork whose links would lead to others' files is not made, unless they are kept`()
    throws
  {
    try makeMain(links: ["2": "/srv/space", "3": "/mnt/main/spaces/fast"])
    let refusal = #expect(throws: StoreError.self) { try fork(mounts: ["/mnt"]) }
    #expect(refusal?.kind == .denied)
    #expect(refusal?.message.contains("pg_tblspc/2 leads to /srv/space") == true)
    #expect(refusal?.remedy.description.contains("--keep-links") == true)
    #expect(try !has("child"))
    let notes = try fork(mounts: ["/mnt"], keepLinks: true).notes
    #expect(notes.contains { $0.contains("pg_tblspc/2 leads to /srv/space") })
    #expect(try target("pg_tblspc/3") == "/mnt/child/spaces/fast")
  }

  @Test func `links that a base backup announces are refused, led and told like others`() throws {
    try makeMain()
    try writeMap("16385 /srv/a\\\\b\n16386 /mnt/main/spaces/fast\n")
    let refusal = #expect(throws: StoreError.self) { try fork(mounts: ["/mnt"]) }
    #expect(refusal?.kind == .denied)
    #expect(refusal?.message.contains("16385 to /srv/a\\b") == true)
    _ = try fork(mounts: ["/mnt"], keepLinks: true)
    #expect(try map(of: "child") == "16385 /srv/a\\\\b\n16386 /mnt/child/spaces/fast\n")
    #expect(try map(of: "main").contains("/mnt/main/spaces/fast"))

    let main = try store.branch("main")
    try main.remove("backup_label", in: .root)
    try store.delete(["child"])
    #expect(throws: Never.self) { try fork(mounts: ["/mnt"]) }
  }

  @Test func `a branch that is reset to a running server's is told of it, or made fit`() throws {
    try makeMain(links: ["1": "/mnt/main/spaces/fast"])
    try store.createBranch("child")
    func reset(
      postgres: Bool, keepLinks: Bool = false, dryRun: Bool = false
    ) throws -> BranchResetRequest.Answer {
      try perform(
        BranchResetRequest(
          name: "child", to: "main", keepOld: nil, force: false, dryRun: dryRun,
          postgres: postgres, keepLinks: keepLinks),
        mounts: ["/mnt"])
    }
    #expect(try reset(postgres: false).notes.contains { $0.contains("postmaster.pid names") })
    #expect(throws: Never.self) { try store.tree("child").lookup("postmaster.pid") }
    #expect(try reset(postgres: true).notes.contains { $0.hasPrefix("removed postmaster.pid") })
    #expect(throws: StoreError.self) { try store.tree("child").lookup("postmaster.pid") }
    #expect(try target("pg_tblspc/1") == "/mnt/child/spaces/fast")

    let spaces = try store.branch("main").lookup("pg_tblspc")
    try store.branch("main").createSymbolicLink("2", in: spaces, target: Array("/srv/x".utf8))
    for dryRun in [true, false] {
      let refusal = #expect(throws: StoreError.self) {
        try reset(postgres: true, dryRun: dryRun)
      }
      #expect(refusal?.kind == .denied)
    }
    #expect(throws: StoreError.self) { try store.tree("child").lookup("pg_tblspc/2") }
    _ = try reset(postgres: true, keepLinks: true)
    #expect(try target("pg_tblspc/2") == "/srv/x")
  }

  @Test func `without the flag the hazards are told, and nothing is changed`() throws {
    try makeMain(links: ["1": "/mnt/main/spaces/fast"])
    let answer = try fork(mounts: ["/mnt"], postgres: false)
    #expect(try target("pg_tblspc/1") == "/mnt/main/spaces/fast")
    #expect(throws: Never.self) { try store.tree("child").lookup("postmaster.pid") }
    #expect(answer.notes.contains { $0.contains("postmaster.pid") })
    #expect(answer.notes.contains { $0.contains("pg_tblspc/1") })
  }

  @Test func `a branch without a database is told to have none, and quietly forked`() throws {
    try store.createBranch("main").writeFile("PG_VERSION", [])
    #expect(try fork(mounts: []).notes == ["no data directory of PostgreSQL was found"])
    try store.delete(["child"])
    #expect(try fork(mounts: [], postgres: false).notes.isEmpty)
  }

  @Test func `what the kernel holds back is written before the fork`() throws {
    try store.createBranch("main")
    let door = FakeDoor("/mnt") { [store] branch throws(StoreError) in
      try store.branch(branch).writeFile("late", [1])
    }
    let doors = Doors()
    try doors.add(door)
    let context = RequestContext(
      store: store, work: Work(), files: OwnFiles(), doors: doors, principal: .administrator)
    _ = try BranchCreateRequest(name: "without", from: "main").run(context)
    _ = try BranchCreateRequest(name: "with", from: "main", sync: true).run(context)
    _ = try SnapshotCreateRequest(name: "main@with", sync: true).run(context)
    #expect(throws: StoreError.self) { try store.tree("without").lookup("late") }
    #expect(throws: Never.self) { try store.tree("with").lookup("late") }
    #expect(throws: Never.self) { try store.tree("main@with").lookup("late") }
    try doors.closeAll()
  }
}
