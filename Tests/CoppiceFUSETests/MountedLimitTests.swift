import Glibc
import TestSupport
import Testing

/// Branches with a limit, in a real mount.
@Suite(.enabled(if: MountRequirement.isMet, MountRequirement.comment), .serialized)
struct MountedLimitTests {
  /// Bytes of all, and of what is free for everybody.
  private func space(at path: String) throws -> (all: UInt64, free: UInt64) {
    var space = statvfs()
    guard statvfs(path, &space) == 0 else {
      throw Program.Failure(description: "statvfs \(path): \(errno)")
    }
    return (
      UInt64(space.f_blocks) * UInt64(space.f_frsize),
      UInt64(space.f_bavail) * UInt64(space.f_frsize)
    )
  }

  @Test func `what is free in a branch is what its limit leaves`() throws {
    let mounted = try MountedStore()
    let disk = try space(at: mounted.directory)
    #expect(try space(at: mounted("")).all == disk.all)
    try mounted.tell("create child main")
    try mounted.tell("limit child 8388608")
    let child = "\(mounted.directory)/child"
    #expect(try space(at: child) == (8 << 20, 8 << 20))
    #expect(try space(at: mounted("")).all == disk.all)
    mkdir("\(child)/folder", 0o755)
    var random = SplitMix64(seed: 3)
    let file = open("\(child)/folder/file", O_CREAT | O_RDWR | O_CLOEXEC, 0o644)
    defer { close(file) }
    let bytes = random.bytes(16 << 20)
    func put(_ index: Int) -> Int {
      bytes.withUnsafeBytes { pwrite(file, $0.baseAddress! + index << 20, 1 << 20, index << 20) }
    }
    for index in 0..<2 { #expect(put(index) == 1 << 20) }
    let rest = try space(at: "\(child)/folder").free
    #expect(rest <= 6 << 20 && rest > 5 << 20)
    var refused = 0
    for index in 2..<16 where put(index) < 0 {
      #expect(errno == ENOSPC)
      refused += 1
    }
    #expect(refused > 6)
    #expect(try space(at: child).free == 0)
    #expect(posix_fallocate(file, 20 << 20, 4096) == ENOSPC)
    #expect(ftruncate(file, 32 << 20) == -1 && errno == ENOSPC)
    #expect(put(0) == 1 << 20)
    #expect(fsync(file) == 0)
    #expect(unlink("\(child)/folder/file") == 0)
    try mounted.tell("limit child 16777216")
    #expect(try space(at: child).all == 16 << 20)
    try mounted.stop()
  }
}

/// A real server that comes to its limit.
@Suite(
  .enabled(if: MountRequirement.isMet, MountRequirement.comment),
  .enabled(
    if: PostgreSQLServer.isInstalled || getenv("CI") != nil, "needs PostgreSQL 15"),
  .serialized)
struct MountedPostgreSQLLimitTests {
  @Test func `a server at its limit fails statements and goes on`() throws {
    let mounted = try MountedStore()
    let sockets = mounted.folder("sockets")
    mkdir(sockets, 0o777)
    chmod(sockets, 0o777)
    let origin = PostgreSQLServer(mounted("data"), sockets: sockets, port: 54_342)
    try origin.make()
    try origin.start()
    try origin.makeBank()
    try origin.stop()
    try mounted.tell("create fork main")
    try mounted.tell("limit fork 25165824")
    let server = PostgreSQLServer(
      "\(mounted.directory)/fork/data", sockets: sockets, port: 54_343)
    try server.start()
    try server.sql("CREATE TABLE filler (n int PRIMARY KEY, h text)")
    var rounds = 0
    var failure: String?
    while failure == nil, rounds < 400 {
      failure = try server.failure(
        of: """
          INSERT INTO filler SELECT n, md5(n::text) || md5((n * 7)::text) || md5((n * 13)::text)
          FROM generate_series(\(rounds * 5000), \(rounds * 5000 + 4999)) n
          """)
      rounds += 1
    }
    #expect(failure?.contains("53100") == true, "\(failure ?? "no failure")")
    #expect(rounds > 2)
    for statement in [
      "CREATE TABLE copy AS SELECT * FROM pgbench_accounts", "CREATE INDEX ON filler (h)",
    ] {
      #expect(try server.failure(of: statement)?.contains("53100") == true, "\(statement)")
    }
    // What makes room, and what costs none, goes on; the server was never down.
    let started = try server.sql("SELECT pg_postmaster_start_time()")
    for statement in [
      "CHECKPOINT", "SELECT pg_switch_wal()", "VACUUM filler", "SELECT count(*) FROM filler",
      "UPDATE pgbench_branches SET bbalance = bbalance",
      "DELETE FROM filler WHERE n % 2 = 0", "VACUUM filler", "CHECKPOINT",
    ] {
      #expect(try server.failure(of: statement) == nil, "\(statement)")
    }
    let clients = try server.startClients()
    _ = try server.startCheckpoint().wait()
    server.kill()
    _ = try clients.wait()
    // Recovery finds all files as long as they were.
    try server.start()
    #expect(try server.sums().count == 1)
    try server.checkAll()
    #expect(try server.failure(of: "TRUNCATE filler") == nil)
    for statement in [
      "CHECKPOINT", "CREATE TABLE small (n int)", "INSERT INTO small VALUES (1)",
      "CREATE INDEX ON small (n)",
    ] {
      #expect(try server.failure(of: statement) == nil, "\(statement)")
    }
    #expect(
      try server.failure(
        of: "INSERT INTO filler SELECT n, md5(n::text) FROM generate_series(1, 20000) n") == nil)
    #expect(started.isEmpty == false)
    try server.checkAll()
    try server.stop()
    try mounted.stop()
  }
}
