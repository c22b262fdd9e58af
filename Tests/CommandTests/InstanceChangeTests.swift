import CoppicePlatform
import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

/// Instances whose branch, launcher or mount changes under them.
@Suite(.enabled(if: ServedClusters.isPossible, "needs root, /dev/fuse and PostgreSQL 15"))
struct InstanceChangeTests {
  @Test func `what is refused cuts nobody off`() throws {
    let clusters = try ServedClusters()
    let coppice = clusters.coppice
    let (url, _) = try clusters.start("a", "--from", "main")
    try coppice.check("branch", "create", "taken")
    let process = try clusters.instance("a")?["process"] as? Int
    try coppice.check("branch", "protect", "a", "--for", "1h")
    #expect(try coppice.failure("branch", "delete", "a").status == 6)
    #expect(try coppice.failure("branch", "delete", "a", "--now").status == 6)
    #expect(try coppice.failure("branch", "delete", "a", "--now", "--dry-run").status == 6)
    #expect(try coppice.failure("branch", "expire", "a").status == 6)
    #expect(try coppice.failure("branch", "reset", "a", "--to", "main").status == 6)
    try coppice.check("branch", "unprotect", "a")
    #expect(try coppice.failure("branch", "rename", "a", "taken").status == 4)
    #expect(
      try coppice.failure("branch", "reset", "a", "--to", "main", "--keep-old", "taken").status == 4
    )
    // Somebody else's open file refuses without a look at the clients.
    let file = try HostDirectory(path: "\(clusters.mount)/a").openFile(Array("PG_VERSION".utf8))
    for words in [
      ["branch", "rename", "a", "b"], ["branch", "delete", "a"], ["branch", "expire", "a"],
      ["branch", "reset", "a", "--to", "main"], ["import", "--replace", "cluster", "a"],
    ] {
      #expect(try coppice.failure(all: words).error["kind"] as? String == "inUse", "\(words)")
    }
    withExtendedLifetime(file) {}
    #expect(try clusters.instance("a")?["process"] as? Int == process)
    #expect(try clusters.sql("SELECT 1", url) == "1\n")
  }

  @Test func `starts beside resets and deletions end in one server that is told of, or none`()
    throws
  {
    let clusters = try ServedClusters()
    let coppice = clusters.coppice
    for round in 0..<4 {
      let (url, _) = try clusters.start("a", "--from", "main")
      let isDone = Mutex(false)
      let starter = Thread {
        while !isDone.withLock({ $0 }) { _ = try? coppice("pg", "start", "a") }
      }
      starter.start()
      try coppice.check("branch", "reset", "a", "--to", "main")
      if round % 2 == 1 { try coppice.check("branch", "delete", "a") }
      isDone.withLock { $0 = true }
      while !starter.isFinished { usleep(10_000) }
      let instance = try clusters.instance("a")
      if round % 2 == 1 {
        #expect(instance == nil)
        #expect(try clusters.serverCount() == 0)
      } else {
        #expect(instance?["state"] as? String == "running")
        #expect(try clusters.sql("SELECT 1", url) == "1\n")
        #expect(try clusters.serverCount() == 1)
        try coppice.check("branch", "delete", "a")
      }
    }
  }

  @Test func `a server that was killed comes back also when its branch is reset at once`() throws {
    let clusters = try ServedClusters()
    let (url, answer) = try clusters.start("a", "--from", "main")
    Glibc.kill(pid_t(try #require(answer["process"] as? Int)), SIGKILL)
    try clusters.coppice.check("branch", "reset", "a", "--to", "main")
    #expect(try clusters.state(of: "a") == "running")
    #expect(try clusters.sql("SELECT 1", url) == "1\n")
  }

  @Test func `a killed launcher is replaced, and what it had started begins again`() throws {
    let clusters = try ServedClusters()
    let (url, answer) = try clusters.start("a", "--from", "main")
    try clusters.sql("CREATE TABLE t AS SELECT 1 AS n", url)
    let process = try #require(answer["process"] as? Int)
    Glibc.kill(try clusters.parent(of: process), SIGKILL)
    try waitUntil {
      try clusters.instance("a")?["process"] as? Int != process
        && clusters.state(of: "a") == "running"
    }
    #expect(try clusters.sql("TABLE t", url) == "1\n")
    #expect(try clusters.serverCount() == 1)
    let (other, _) = try clusters.start("b", "--from", "main")
    #expect(try clusters.sql("SELECT 1", other) == "1\n")
  }

  @Test func `the mount is busy while an instance works on it`() throws {
    let clusters = try ServedClusters()
    let (url, _) = try clusters.start("a", "--from", "main")
    let refused = try Program("umount").run([clusters.mount])
    #expect(refused.status != 0 && refused.errors.contains("busy"), "\(refused.errors)")
    #expect(try clusters.sql("SELECT 1", url) == "1\n")
    try clusters.coppice.check("pg", "stop", "a")
    #expect(try Program("umount").run([clusters.mount]).status == 0)
  }

  @Test func `settings that only a start finds wrong leave the server as it was`() throws {
    let clusters = try ServedClusters()
    let coppice = clusters.coppice
    let (url, _) = try clusters.start("a", "--from", "main", "--set", "work_mem=7MB")
    for bad in ["max_connections=1", "x.y=\(String(repeating: "x", count: 70_000))"] {
      let refused = try coppice.failure("pg", "set", "a", bad)
      #expect(refused.status != 0)
      #expect(try clusters.state(of: "a") == "running", "\(bad.prefix(30))")
      #expect(try clusters.sql("SHOW work_mem", url) == "7MB\n")
    }
    // Names are the same in any case.
    try coppice.check("pg", "set", "a", "WORK_MEM=8MB")
    #expect(try clusters.sql("SHOW work_mem", url) == "8MB\n")
    #expect(try coppice.failure("pg", "set", "a", "work_mem=1MB", "Work_Mem=2MB").status == 64)
    try coppice.check("pg", "set", "a", "--unset", "Work_Mem")
    #expect(try clusters.sql("SHOW work_mem", url) == "4MB\n")
    try coppice.check("pg", "stop", "a")
    #expect(try coppice("pg", "start", "a", "--set", "max_connections=1").status != 0)
    #expect(try clusters.start("a").url == url)
  }

  @Test func `who logs in is changed only by an instance that starts`() throws {
    let clusters = try ServedClusters()
    let coppice = clusters.coppice
    let (url, _) = try clusters.start("a", "--from", "main", "--set", "work_mem=7MB")
    try clusters.sql("CREATE ROLE worker LOGIN", url)
    try coppice.check("pg", "stop", "a")
    _ = try clusters.start("a", "--login", "worker")
    #expect(try coppice.failure("pg", "start", "a", "--superuser").status == 4)
    try coppice.check("pg", "stop", "a")
    let (first, _) = try clusters.start("a", "--superuser")
    #expect(try clusters.start("a", "--superuser").url == first)
    #expect(try clusters.sql("SELECT usesuper FROM pg_user WHERE usename = user", first) == "t\n")
  }

  @Test func `what an instance leaves in its directory hinders no start, nor its removal`() throws {
    let clusters = try ServedClusters()
    let (url, _) = try clusters.start("a", "--from", "main", "--superuser")
    let place = String(try clusters.sql("SHOW unix_socket_directories", url).dropLast())
    let port = try clusters.sql("SHOW port", url).dropLast()
    let script =
      "cd \(place) && mkdir -p x/y z && for i in $(seq 600); do mkdir d; cd d; done"
    try clusters.sql("COPY (SELECT 1) TO PROGRAM '\(script)'", url)
    try clusters.coppice.check("pg", "stop", "a")
    try Program("mkdir").check(["\(place)/.s.PGSQL.\(port).lock"])
    #expect(try clusters.start("a").url == url)
    #expect(try HostDirectory(path: place).names().count == 3)
    try clusters.sql("COPY (SELECT 1) TO PROGRAM '\(script)'", url)
    let data = try clusters.sql("SHOW data_directory", url).dropLast()
    try clusters.coppice.check("pg", "stop", "a")
    try Program("mkdir").check(["-p", "\(data)/standby.signal/x"])
    #expect(try clusters.start("a").url == url)
    try clusters.coppice.check("pg", "stop", "a")
    try Program("rm").check(["-r", "\(data)/pg_replslot"])
    try Program("ln").check(["-s", "/etc", "\(data)/pg_replslot"])
    let refused = try clusters.coppice.failure("pg", "start", "a")
    #expect(refused.object == "a" && refused.message.contains("pg_replslot"), "\(refused)")
    try clusters.coppice.check("branch", "delete", "a", "--now")
    #expect(access(String(place), F_OK) == -1)
  }

  @Test func `a failed start leaves an expired branch expired`() throws {
    let clusters = try ServedClusters()
    let coppice = clusters.coppice
    try coppice.check("branch", "create", "a", "--from", "main", "--ttl", "1h")
    try coppice.check("branch", "expire", "a")
    let failed = try coppice.failure(
      "pg", "start", "a", "--from", "main", "--ttl", "2h", "--login", "nobody")
    #expect(failed.status == 3)
    #expect(try coppice.json("branch", "show", "a")["state"] as? String == "expired")
  }

  @Test func `raw data run below full isolation only where the policy says so`() throws {
    let clusters = try ServedClusters("--pg-isolation", "user")
    let coppice = clusters.coppice
    try coppice.check("baseline", "add", "prod", "--from", "branch:main")
    try coppice.check("snapshot", "create", "prod@one")
    try coppice.check("baseline", "approve", "prod@one")
    let refused = try coppice.failure("pg", "start", "a", "--from", "prod@newest")
    #expect(refused.status == 6 && refused.message.contains("'user'"))
    #expect(try coppice("ls", "a").status == 3)
    // What comes of no baseline does.
    _ = try clusters.start("b", "--from", "main")
    try coppice.script(
      """
      echo '{"rules": [{"name": "a*", "weakIsolation": 1}]}' > wrong.json
      echo '{"rules": [{"name": "a*", "weakIsolation": true}]}' > policy.json
      """)
    #expect(try coppice.failure("policy", "set", "wrong.json").status == 64)
    try coppice.check("policy", "set", "policy.json")
    #expect(try coppice.json("policy", "test", "a")["allowsWeakIsolation"] as? Bool == true)
    let (url, _) = try clusters.start("a", "--from", "prod@newest")
    #expect(try clusters.sql("SELECT 1", url) == "1\n")
    #expect(try coppice.failure("pg", "start", "c", "--from", "prod@newest").status == 6)
  }

  @Test func `two stores of the same user numbers pass over each other's`() throws {
    let (one, two) = (
      try ServedClusters(users: "690000-690009"), try ServedClusters(users: "690000-690009")
    )
    func user(_ answer: [String: Any]) -> Int? { answer["userID"] as? Int }
    let (url, first) = try one.start("a", "--from", "main")
    let (other, second) = try two.start("b", "--from", "main")
    #expect(user(first) == 690_000 && user(second) == 690_001)
    // A number that a branch has had is another store's by now.
    try two.coppice.check("pg", "stop", "b")
    let (_, third) = try one.start("c", "--from", "main")
    #expect(user(third) == 690_001)
    let (again, fourth) = try two.start("b")
    #expect(again == other && user(fourth) == 690_002)
    // One that runs keeps its own.
    try two.coppice.check("pg", "restart", "b")
    #expect(try two.instance("b")?["userID"] as? Int == 690_002)
    #expect(try one.sql("SELECT 1", url) == "1\n" && two.sql("SELECT 1", other) == "1\n")
  }
}
