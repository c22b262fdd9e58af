import TestSupport
import Testing

/// What people are told of instances.
@Suite(.enabled(if: ServedClusters.isPossible, "needs root, /dev/fuse and PostgreSQL 15"))
struct InstanceAnswerTests {
  @Test func `a port outside of those for instances is refused`() throws {
    let clusters = try ServedClusters("--pg-ports", "7400-7499")
    let coppice = clusters.coppice
    for port in ["22", "7399", "7500", "0", "70000"] {
      let refused = try coppice.failure("pg", "start", "a", "--from", "main", "--port", port)
      #expect(refused.status == 64 && refused.message.contains("7400-7499"), "\(port)")
      #expect(refused.remedy.contains("--pg-ports"))
    }
    #expect(try coppice("ls", "a").status == 3)
    let (_, answer) = try clusters.start("a", "--from", "main", "--port", "7450")
    #expect(answer["port"] as? Int == 7450)
    let running = try coppice.failure("pg", "start", "a", "--port", "22")
    #expect(running.status == 64)
  }

  @Test func `terms that a start does not take over are told`() throws {
    let clusters = try ServedClusters()
    let coppice = clusters.coppice
    let terms = ["--owner", "bob", "--label", "x=y", "--max-stored", "1G", "--ttl", "1d"]
    func notes(_ words: String...) throws -> [String] {
      try #require(coppice.json(all: ["pg", "start"] + words + terms)["notes"] as? [String])
    }
    #expect(try notes("a", "--from", "main") == [])
    #expect(try notes("a", "--from", "main") == [])
    #expect(try coppice.json("branch", "show", "a")["maxStoredByteCount"] as? Int == 1 << 30)
    try coppice.check("branch", "create", "b", "--from", "main", "--owner", "ana")
    let kept = try notes("b", "--from", "main")
    #expect(kept.count == 3 && kept.allSatisfy { $0.contains(" b ") }, "\(kept)")
    // What the branch was made from is not said: then it is not renewed either.
    #expect(try notes("b").count == 4)
    let shell = try coppice.run(["pg", "start", "b", "--export"] + terms)
    #expect(shell.errors.contains("coppice branch owner b bob") && !shell.text.contains("note"))
    let text = try coppice.check("pg", "start", "b", "--from", "main", "--or-reset").text
    #expect(text.hasPrefix("Reset b and started its PostgreSQL 15"), "\(text)")
  }

  @Test func `a start of what runs says that it runs, or how it is otherwise`() throws {
    let clusters = try ServedClusters()
    let coppice = clusters.coppice
    let (_, made) = try clusters.start("a", "--from", "main", "--set", "work_mem=7MB")
    #expect(made["wasRunning"] as? Bool == false)
    let port = try #require(made["port"] as? Int)
    let again = try coppice.check("pg", "start", "a", "--from", "main").text
    #expect(again.hasPrefix("Runs already: its PostgreSQL 15, isolation"), "\(again)")
    #expect(try clusters.start("a").answer["wasRunning"] as? Bool == true)
    func refusal(_ words: String...) throws -> CoppiceCommand.Failure {
      let failure = try coppice.failure(all: ["pg", "start", "a"] + words)
      #expect(failure.status == 4)
      return failure
    }
    let settings = try refusal("--set", "work_mem=8MB", "--set", "log_statement=all")
    #expect(settings.message.hasSuffix(": log_statement is not set, work_mem is '7MB'"))
    #expect(settings.remedy.contains("coppice pg set a log_statement=all work_mem=8MB"))
    for (words, text) in [
      (["--port", "\(port + 1)"], "its port is \(port)"), (["--login", "x"], "its login is '"),
      (["--database", "x"], "its database is '"),
    ] {
      let refused = try coppice.failure(all: ["pg", "start", "a", "--set", "work_mem=7MB"] + words)
      #expect(refused.status == 4 && refused.message.contains(": \(text)"), "\(refused.message)")
      #expect(!refused.message.contains("work_mem"))
      #expect(refused.remedy.contains("coppice pg stop a"), "\(refused.remedy)")
    }
    // What one remedy says, works.
    try coppice.check("pg", "set", "a", "log_statement=all", "work_mem=8MB")
    let (_, same) = try clusters.start("a", "--set", "work_mem=8MB", "--set", "log_statement=all")
    #expect(same["wasRunning"] as? Bool == true)
    try coppice.check("pg", "stop", "a")
    #expect(try coppice.check("pg", "start", "a").text.hasPrefix("Started its PostgreSQL 15 in "))
  }

  @Test func `a list says why an instance failed, and a log has no complaint of ours`() throws {
    let clusters = try ServedClusters()
    let coppice = clusters.coppice
    _ = try clusters.start("a", "--from", "main")
    _ = try clusters.start("b", "--from", "main")
    #expect(try !coppice.check("pg", "logs", "a").text.contains("external PID file"))
    try coppice.check("pg", "stop", "a")
    #expect(try coppice("pg", "start", "a", "--set", "max_connections=1").status != 0)
    let lines = try coppice.check("pg", "list").text.split(separator: "\n")
    #expect(lines.count == 4 && lines[1].hasPrefix("a ") && lines[3].hasPrefix("b "), "\(lines)")
    #expect(lines[2].hasPrefix("  note: it did not start: ") && lines[2].contains("max_"))
    try coppice.check("branch", "create", "empty")
    let empty = try coppice.failure("pg", "start", "empty")
    #expect(empty.remedy.contains("coppice import DIR BRANCH"))
  }

  @Test func `a reset has no note of a file that our own server takes away`() throws {
    let clusters = try ServedClusters()
    let coppice = clusters.coppice
    _ = try clusters.start("main")
    _ = try clusters.start("a", "--from", "main")
    func notes() throws -> [String] {
      let answer = try coppice.json("branch", "reset", "a", "--to", "main")
      return try #require(answer["notes"] as? [String]).filter { $0.contains("postmaster.pid") }
    }
    #expect(try notes() == [])
    #expect(try clusters.state(of: "a") == "running")
    try coppice.check("pg", "stop", "a")
    #expect(try notes().count == 1)
  }
}
