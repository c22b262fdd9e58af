import Coppice
import CoppicePlatform
import CoppiceServer
import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

/// The life of a server: beginning, ends of all kinds, and who may ask.
@Suite struct ServerTests {
  private static func made() throws -> CoppiceCommand {
    let coppice = try CoppiceCommand()
    try coppice.check("branch", "create", "main")
    try coppice.folder.write("in", "content".utf8)
    return coppice
  }

  @Test(arguments: [SIGTERM, SIGINT])
  func `a signal ends it cleanly`(signal: Int32) throws {
    let coppice = try Self.made()
    let server = try ServingCoppice(coppice)
    let status = try coppice.json("status")
    #expect(status["isRunning"] as? Bool == true)
    #expect(status["process"] as? Int == Int(server.process))
    let number = try String(contentsOfFile: coppice.folder("store/server.pid"), encoding: .utf8)
    #expect(number == "\(server.process)\n")
    try coppice.check("put", "main:file", input: coppice.folder("in"))
    let result = try server.end(signal)
    #expect(result.status == 0)
    #expect(result.errors.contains("ended"))
    #expect(access(coppice.folder("store/control.sock"), F_OK) == -1)
    #expect(access(coppice.folder("store/server.pid"), F_OK) == -1)
    #expect(try coppice.json("status")["isRunning"] as? Bool == false)
    #expect(try coppice.check("cat", "main:file").text == "content")
  }

  @Test func `stop ends it, and is an error without one`() throws {
    let coppice = try Self.made()
    let server = try ServingCoppice(coppice)
    #expect(try coppice.json("stop")["process"] as? Int == Int(server.process))
    #expect(try server.wait().status == 0)
    #expect(try coppice.failure("stop").status == 3)
  }

  @Test func `a killed one loses nothing acknowledged, and its socket is in nobody's way`() throws {
    let coppice = try Self.made()
    let server = try ServingCoppice(coppice)
    try coppice.check("put", "main:file", input: coppice.folder("in"))
    _ = try server.end(SIGKILL)
    #expect(access(coppice.folder("store/control.sock"), F_OK) == 0)
    #expect(try coppice.json("status")["isRunning"] as? Bool == false)
    #expect(try coppice.check("cat", "main:file").text == "content")
    let next = try ServingCoppice(coppice)
    #expect(try coppice.check("cat", "main:file").text == "content")
    #expect(try next.end(SIGTERM).status == 0)
  }

  @Test func `a store has one server`() throws {
    let coppice = try Self.made()
    let server = try ServingCoppice(coppice)
    let second = try coppice.failure("serve")
    #expect(second.status == 5)
    #expect(second.message.contains("\(server.process)"))
    #expect(try coppice("branch", "list").status == 0)
  }

  @Test func `a server needs a store`() throws {
    let coppice = try CoppiceCommand(makesStore: false)
    #expect(try coppice("serve").status == 3)
    #expect(try coppice("status").status == 3)
    #expect(try coppice("stop").status == 3)
  }

  @Test func `the path to the store may be longer than a socket's address`() throws {
    var coppice = try CoppiceCommand(makesStore: false)
    let long = (0..<3).map { _ in String(repeating: "d", count: 100) }.joined(separator: "/")
    try coppice.script("mkdir -p \(long)")
    coppice.program.environment["COPPICE_STORE"] = coppice.folder("\(long)/store")
    try coppice.check("init")
    let server = try ServingCoppice(coppice)
    #expect(try coppice("branch", "create", "main").status == 0)
    #expect(try coppice.json("status")["process"] as? Int == Int(server.process))
  }

  @Test(.enabled(if: getuid() == 0, "becoming another user needs root"))
  func `others than its user and root are refused, whatever the socket's rights`() throws {
    let coppice = try Self.made()
    let server = try ServingCoppice(coppice)
    let store = coppice.folder("store")
    try Program("chmod").check(["755", coppice.folder.path])
    let other = Program("setpriv")
    let words = [
      "--reuid=65534", "--regid=65534", "--clear-groups", coppice.program.path, "branch", "list",
      "--store", store,
    ]
    let closed = try other.run(words)
    #expect(closed.status == 6)
    try Program("chmod").check(["755", store])
    try Program("chmod").check(["666", "\(store)/control.sock"])
    let open = try other.run(words)
    #expect(open.status == 6)
    #expect(open.errors.contains("its own user and root only"))
    #expect(try server.end(SIGTERM).status == 0)
  }

  /// A client that is putting a stream which the test holds.
  private func putting(
    _ coppice: CoppiceCommand
  ) throws -> (client: Program.Running, writer: Int32) {
    let pipe = coppice.folder("stream")
    try Program("mkfifo").check([pipe])
    let writer = open(pipe, O_RDWR | O_CLOEXEC)
    let client = try coppice.program.start(["put", "main:file"], input: pipe)
    // More than all pipes on the way hold: when it is written, the server has begun to read.
    let bytes = [UInt8](repeating: 1, count: 1 << 20)
    #expect(write(writer, bytes, bytes.count) == bytes.count)
    return (client, writer)
  }

  @Test func `a killed client makes no shorter file`() throws {
    let coppice = try Self.made()
    let server = try ServingCoppice(coppice)
    let (client, writer) = try putting(coppice)
    client.send(signal: SIGKILL)
    _ = try client.wait()
    close(writer)
    #expect(try server.end(SIGTERM).status == 0)
    #expect(try coppice("ls", "main:file").status == 3)
  }

  @Test func `a client whose server ends is told so`() throws {
    let coppice = try Self.made()
    let server = try ServingCoppice(coppice)
    let (client, writer) = try putting(coppice)
    defer { close(writer) }
    #expect(try server.end(SIGTERM).status == 0)
    let result = try client.wait()
    #expect(result.status == 75)
    #expect(result.errors.contains("stopping"))
    #expect(try coppice("ls", "main:file").status == 3)
  }

  @Test func `a client whose server is killed is told so`() throws {
    let coppice = try Self.made()
    let server = try ServingCoppice(coppice)
    let (client, writer) = try putting(coppice)
    defer { close(writer) }
    _ = try server.end(SIGKILL)
    let result = try client.wait()
    #expect(result.status == 75)
    #expect(result.errors.contains("ended before it answered"))
  }

  /// Asks on a thread of its own: whoever asks waits, and the answer comes on the pool that tests
  /// run on.
  private func ask<Request: WireRequest>(
    _ connection: ServerConnection, _ request: Request, _ work: Work
  ) async throws -> Request.Answer {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(with: Result { try connection.perform(request, work) })
      }
    }
  }

  @Test func `progress of long work comes before its answer or error`() async throws {
    let coppice = try Self.made()
    try coppice.script("mkdir tree; head -c 9M /dev/urandom > tree/noise")
    try coppice.check("import", "tree", "noise")
    let server = try ServingCoppice(coppice)
    let connection = try #require(try ServerConnection.find(in: coppice.folder("store")))
    let told = Mutex<[WorkProgress]>([])
    let work = Work { progress in told.withLock { $0.append(progress) } }
    let answer = try await ask(connection, CheckRequest(), work)
    #expect(answer.isClean)
    let count = told.withLock { $0.count }
    #expect(count > 0)
    _ = try await ask(
      connection, CollectRequest(full: false, dryRun: true, explain: false), work)
    let stages = told.withLock { told in
      told.compactMap {
        if case .collection(let reached) = $0 { reached.stage.rawValue } else { nil }
      }
    }
    #expect(stages.contains("counting"))
    let error = await #expect(throws: StoreError.self) {
      try await ask(connection, BranchShowRequest(name: "nothing"), work)
    }
    #expect(error?.kind == .notFound)
    #expect(error?.object == "nothing")
    #expect(try server.end(SIGTERM).status == 0)
  }

  @Test func `output that nobody reads ends the command silently, as without a server`() throws {
    let coppice = try Self.made()
    try coppice.script("head -c 5M /dev/zero > large")
    try coppice.check("put", "main:large", input: coppice.folder("large"))
    // Some threads of a program block signals; `env` has all of them do so.
    let lines = ["", "env --block-signal=PIPE ", "env --ignore-signal=PIPE "].map { signals in
      "set +e; set +o pipefail; \(coppice.program.path) --version > /dev/null; "
        + "COPPICE_STORE=\(coppice.folder("store")) \(signals)\(coppice.program.path) "
        + "cat main:large 2> errors | head -c 1 > /dev/null; echo ${PIPESTATUS[0]}; cat errors"
    }
    let answers =
      "set +e; set +o pipefail; { sleep 0.2; COPPICE_STORE=\(coppice.folder("store")) "
      + "env --ignore-signal=PIPE \(coppice.program.path) branch list 2> errors; "
      + "echo $? > status; } | true; "
      + "cat status errors"
    for line in lines + [answers] {
      #expect(try coppice.script(line).text == "141\n", "\(line)")
    }
    let server = try ServingCoppice(coppice)
    for line in lines { #expect(try coppice.script(line).text == "141\n", "\(line)") }
    #expect(try server.end(SIGTERM).status == 0)
  }
}
