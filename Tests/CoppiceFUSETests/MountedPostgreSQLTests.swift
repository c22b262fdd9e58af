import Glibc
import TestSupport
import Testing

/// Real servers on a real mount. Full page writes are off: a page that reached the mount is whole.
@Suite(
  .enabled(if: MountRequirement.isMet, MountRequirement.comment),
  .enabled(
    if: PostgreSQLServer.isInstalled || getenv("CI") != nil, "needs PostgreSQL 15"),
  .serialized)
struct MountedPostgreSQLTests {
  private func makeServer(_ mounted: MountedStore) throws -> (PostgreSQLServer, sockets: String) {
    let sockets = mounted.folder("sockets")
    mkdir(sockets, 0o777)
    chmod(sockets, 0o777)
    let server = PostgreSQLServer(mounted("data"), sockets: sockets, port: 54_340)
    try server.make()
    try server.start()
    try server.makeBank()
    return (server, sockets)
  }

  @Test func `a server does on a mount what it does elsewhere`() throws {
    let mounted = try MountedStore()
    let (server, _) = try makeServer(mounted)
    try server.move(400)
    try server.sql("VACUUM FULL")
    try server.sql("CREATE DATABASE copied TEMPLATE template0 STRATEGY FILE_COPY")
    try server.sql("CREATE DATABASE logged TEMPLATE template0 STRATEGY WAL_LOG")
    let space = mounted("space")
    mkdir(space, 0o700)
    try Program("chown").check(["postgres:", space])
    try server.sql("CREATE TABLESPACE elsewhere LOCATION '\(space)'")
    try server.sql(
      "CREATE TABLE there TABLESPACE elsewhere AS "
        + "SELECT n, md5(n::text) h FROM generate_series(1, 9999) n")
    try server.sql("CREATE INDEX ON there (h)")
    try server.sql("DROP DATABASE copied")
    try server.stop()
    try mounted.stop()
    try mounted.start()
    try server.start()
    #expect(try server.sums().count == 1)
    #expect(try server.sql("SELECT count(DISTINCT h) FROM there") == "9999\n")
    try server.checkAll()
    try server.stop()
    try mounted.stop()
  }

  @Test(arguments: MountMode.all.filter { $0 != .writeback })
  func `killed servers and mounts lose no commit and tear no page`(_ mode: MountMode) throws {
    let mounted = try MountedStore(mode)
    let (server, _) = try makeServer(mounted)
    var random = SplitMix64(seed: 15)
    var movementCount = 0
    for round in 0..<8 {
      try server.move(40)
      movementCount += 40
      let clients = try server.startClients()
      // As far as the clients come while another program runs.
      try Program("sh").check(["-c", "seq \(random.below(300_000)) | sort > /dev/null"])
      if round.isMultiple(of: 2) {
        mounted.kill()
        server.kill()
        _ = try clients.wait()
        try mounted.start()
      } else {
        server.kill()
        _ = try clients.wait()
      }
      try server.start()
      #expect(try server.sums().count == 1, "round \(round)")
      let found = try server.movementCount()
      #expect(found >= movementCount, "round \(round)")
      movementCount = found
    }
    try server.checkAll()
    try server.stop()
    try mounted.stop()
  }

  @Test func `exports of a server that writes recover, each by itself`() throws {
    let mounted = try MountedStore()
    let (server, sockets) = try makeServer(mounted)
    let clients = try server.startClients()
    for number in 0..<3 {
      let count = try server.movementCount()
      // All dirty pages are written while the export reads.
      let checkpoint = try server.startCheckpoint()
      let place = mounted.folder("copy\(number)")
      try mounted.tell("export main \(place)")
      _ = try checkpoint.wait()
      let copy = PostgreSQLServer("\(place)/data", sockets: sockets, port: 54_341)
      try copy.start()
      #expect(try copy.sums().count == 1, "export \(number)")
      #expect(try copy.movementCount() >= count, "export \(number)")
      try copy.checkAll()
      try copy.stop()
    }
    server.kill()
    _ = try clients.wait()
    try mounted.stop()
  }

  @Test func `twenty forks of a server that writes recover, each by itself`() throws {
    let mounted = try MountedStore()
    let (server, sockets) = try makeServer(mounted)
    let clients = try server.startClients()
    var counts: [Int] = []
    for number in 0..<20 {
      counts.append(try server.movementCount())
      try mounted.tell("create fork\(number) main")
    }
    for number in 0..<20 {
      let fork = PostgreSQLServer(
        "\(mounted.directory)/fork\(number)/data", sockets: sockets, port: 54_341)
      try fork.start()
      #expect(try fork.sums().count == 1, "fork \(number)")
      // What was committed before the fork is in it.
      #expect(try fork.movementCount() >= counts[number], "fork \(number)")
      if number.isMultiple(of: 4) {
        try fork.move(20)
        #expect(try fork.sums().count == 1, "fork \(number)")
      }
      try fork.checkAll()
      try fork.stop()
      try mounted.tell("delete fork\(number)")
    }
    server.kill()
    _ = try clients.wait()
    try server.start()
    #expect(try server.sums().count == 1)
    try server.checkAll()
    try server.stop()
    try mounted.stop()
  }
}
