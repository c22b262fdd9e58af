import Foundation
import Glibc
import TestSupport
import Testing

/// Each status of the command has a test; scripts rely on them.
@Suite struct ExitStatusTests {
  @Test func `0 when all is done`() throws {
    let coppice = try CoppiceCommand()
    #expect(try coppice("branch", "create", "main").status == 0)
    #expect(try coppice("--help").status == 0)
  }

  @Test func `2 for a difference that was asked for`() throws {
    let coppice = try CoppiceCommand()
    try coppice.check("branch", "create", "main")
    try coppice.check("branch", "create", "other", "--from", "main")
    #expect(try coppice("diff", "main", "other", "--exit-code").status == 0)
    try coppice.folder.write("in", "hello".utf8)
    try coppice.check("put", "other:greeting", input: coppice.folder("in"))
    #expect(try coppice("diff", "main", "other", "--exit-code").status == 2)
    #expect(try coppice("diff", "main", "other").status == 0)
  }

  @Test func `3 when there is no store, with the way to make one`() throws {
    let coppice = try CoppiceCommand(makesStore: false)
    let failure = try coppice.failure("branch", "list")
    #expect(failure.status == 3)
    #expect(failure.kind == "notFound")
    #expect(failure.object.contains("store"))
    #expect(failure.remedy.contains("coppice init"))
  }

  @Test func `3 for unknown names, with the nearest one`() throws {
    let coppice = try CoppiceCommand()
    try coppice.check("branch", "create", "production")
    try coppice.check("snapshot", "create", "production@monday")
    let branch = try coppice.failure("ls", "prodction")
    #expect(branch.status == 3)
    #expect(branch.remedy.contains("production"))
    let snapshot = try coppice.failure("ls", "production@munday")
    #expect(snapshot.status == 3)
    #expect(snapshot.remedy.contains("production@monday"))
    let path = try coppice.failure("cat", "production:no/such/file")
    #expect(path.status == 3)
    #expect(try coppice("branch", "delete", "nothing").status == 3)
    #expect(try coppice("branch", "delete", "nothing", "--if-exists").status == 0)
  }

  @Test func `64 for a verb that there is none of, with the nearest one`() throws {
    let coppice = try CoppiceCommand()
    let verb = try coppice.failure("brnach", "list")
    #expect(verb.status == 64 && verb.object == "brnach")
    #expect(verb.remedy.hasPrefix("did you mean branch?"))
    let inner = try coppice.failure("branch", "crate", "x")
    #expect(inner.status == 64 && inner.object == "branch crate")
    #expect(inner.remedy.contains("create") && inner.remedy.contains("coppice branch --help"))
    #expect(try coppice("help", "branch").status == 0)
    #expect(try coppice("zzzzzzzzzz").errors.contains("coppice --help"))
  }

  @Test(arguments: [
    ("10G", 10 << 30), ("10GiB", 10 << 30), ("1.5G", 3 << 29), ("1.50 GiB", 3 << 29), ("512", 512),
    ("512 B", 512), ("64kib", 64 << 10), ("0.5K", 512),
  ]) func `numbers of bytes are taken as output has them`(text: String, byteCount: Int) throws {
    let coppice = try CoppiceCommand()
    try coppice.check("branch", "create", "main")
    let answer = try coppice.json("put", "main:x", "--zeros", text)
    #expect(answer["byteCount"] as? Int == byteCount)
    for wrong in ["", "G", "1.G", ".5G", "1.2.3", "1GB", "-1", "1 iB", "99999999E"] {
      #expect(try coppice("put", "main:x", "--zeros=\(wrong)").status == 64, "\(wrong)")
    }
    #expect(try coppice.check("init", "--help").text.contains("8KiB"))
  }

  @Test func `4 for what exists already`() throws {
    let coppice = try CoppiceCommand()
    try coppice.makeTree()
    try coppice.check("import", "tree", "main")
    let again = try coppice.failure("import", "tree", "main")
    #expect(again.status == 4)
    #expect(again.remedy.contains("--replace"))
    #expect(try coppice("import", "tree", "main:a").status == 4)
    #expect(try coppice("init").status == 4)
    #expect(try coppice("branch", "create", "main").status == 4)
    #expect(try coppice("branch", "create", "main", "--or-existing").status == 0)
    let target = try coppice.failure("export", "main", "tree")
    #expect(target.status == 4)
    #expect(target.message.contains("not empty"))
    #expect(try coppice("export", "main:nothing", "tree/nothing").status == 4)
  }

  @Test func `4 for a branch that has snapshots`() throws {
    let coppice = try CoppiceCommand()
    try coppice.check("branch", "create", "main")
    try coppice.check("snapshot", "create", "main@one")
    #expect(try coppice("branch", "delete", "main").status == 4)
    #expect(try coppice("branch", "delete", "main", "--snapshots").status == 0)
  }

  @Test func `5 while another process owns the store, and says which`() throws {
    let coppice = try CoppiceCommand()
    let pipe = coppice.folder("pipe")
    try Program("mkfifo").check([pipe])
    // Open for both ends, so that opening does not wait and the reader sees no end.
    let writer = open(pipe, O_RDWR)
    defer { close(writer) }
    let owner = try coppice.program.start(["import", pipe, "main:x"], in: coppice.folder.path)
    // The import reads the pipe once it has the store; a full pipe that has room again proves it.
    var bytes = [UInt8](repeating: 1, count: 1 << 20)
    let written = bytes.withUnsafeMutableBytes { write(writer, $0.baseAddress, $0.count) }
    #expect(written == 1 << 20)
    let failure = try coppice.failure("branch", "create", "other")
    #expect(failure.status == 5)
    #expect(failure.kind == "inUse")
    #expect("\(failure)".contains("\(owner.pid)"))
    owner.send(signal: SIGKILL)
    _ = try owner.wait()
    #expect(try coppice("branch", "create", "other").status == 0)
  }

  @Test func `6 for writing to a snapshot`() throws {
    let coppice = try CoppiceCommand()
    try coppice.check("branch", "create", "main")
    try coppice.check("snapshot", "create", "main@one")
    let failure = try coppice.failure("put", "main@one:file")
    #expect([6, 64].contains(failure.status))
    #expect(try coppice("rm", "main@one:file").status == failure.status)
  }

  @Test(.enabled(if: getuid() == 0, "mounting a small file system needs root"))
  func `7 when the disk is full, and the store is unharmed`() throws {
    let coppice = try CoppiceCommand(makesStore: false)
    try coppice.script("mkdir store && mount -t tmpfs -o size=24m tmpfs store")
    defer { _ = try? coppice.script("umount store") }
    try coppice.check("init")
    try coppice.script("mkdir source && head -c 60M /dev/urandom > source/noise")
    let failure = try coppice.failure("import", "source", "main")
    #expect(failure.status == 7)
    #expect(failure.kind == "full")
    #expect(try coppice("ls", "main").status == 3)
    #expect(try coppice("check").status == 0)
    try coppice.folder.write("in", "still works".utf8)
    try coppice.check("branch", "create", "small")
    try coppice.check("put", "small:file", input: coppice.folder("in"))
    #expect(try coppice.check("cat", "small:file").text == "still works")
  }

  @Test func `64 for wrong usage and names`() throws {
    let coppice = try CoppiceCommand()
    #expect(try coppice("branch", "create").status == 64)
    #expect(try coppice("no-such-verb").status == 64)
    #expect(try coppice.failure("branch", "create").kind == "invalid")
    let name = try coppice.failure("branch", "create", "feature/x")
    #expect(name.status == 64)
    #expect(name.remedy.contains("feature-x") || name.message.contains("feature-x"))
    let long = String(repeating: "x", count: 201)
    for bad in ["", "a@b", "a:b", "a^", "a~", ".hidden", "tab\t", long] {
      #expect(try coppice("branch", "create", bad).status == 64, "\(bad)")
    }
    #expect(try coppice("branch", "create", "--", "-dash").status == 64)
    let unnamed = Program(coppice.program.path, environment: ["COPPICE_STORE": ""])
    let result = try unnamed.run(["branch", "list"])
    #expect(result.status == 64)
    #expect(result.errors.contains("--store"))
  }

  @Test func `64 for a store without a name, whatever the environment says`() throws {
    let coppice = try CoppiceCommand()
    for verb in [["branch", "list"], ["inspect", "superblock"], ["init"], ["status"]] {
      let result = try coppice.program.run(verb + ["--store", ""])
      #expect(result.status == 64, "\(verb)")
      #expect(result.errors.contains("--store names no directory"), "\(verb)")
    }
  }

  @Test func `64 for a branch without a name`() throws {
    let coppice = try CoppiceCommand()
    for words in [
      ["ls", ":"], ["cat", ":file"], ["rm", ":file"], ["diff", "", ""], ["du", ""],
    ] {
      let result = try coppice.program.run(words)
      #expect(result.status == 64, "\(words)")
      #expect(result.errors.contains("has a name"), "\(words)")
    }
  }

  @Test func `64 for numbers that mean nothing, which the error names`() throws {
    let coppice = try CoppiceCommand()
    try coppice.check("branch", "create", "main")
    let below = [
      ["put", "main:x", "--zeros"], ["scrub", "--rate"], ["scrub", "--limit"],
      ["branch", "list", "--lock-wait"], ["init", "--page-size"],
    ]
    for words in below {
      let result = try coppice.program.run(words + ["-1"])
      #expect(result.status == 64, "\(words)")
      #expect(result.errors.contains("'-1' is invalid for '\(words.last ?? "")"), "\(words)")
    }
    for option in ["--rate", "--limit"] {
      #expect(try coppice.failure("scrub", option, "0").kind == "invalid")
    }
  }

  @Test func `75 when the answer cannot be written`() throws {
    let coppice = try CoppiceCommand()
    let result = try coppice.program.run(["branch", "list", "--json"], output: "/dev/full")
    #expect(result.status == 75)
  }
}
