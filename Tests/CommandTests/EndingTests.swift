import CoppicePlatform
import Glibc
import TestSupport
import Testing

/// What is left of commands that are ended from outside, and of those that cannot begin.
@Suite struct EndingTests {
  private func names(_ coppice: CoppiceCommand) throws -> [String] {
    try coppice.script("ls").text.split(separator: "\n").map(String.init)
  }

  /// Waits until a file of an export has bytes.
  private func waitForStage(_ coppice: CoppiceCommand) throws {
    try coppice.script("until [ -e out ] || ls out.incomplete-*/out/f* &> /dev/null; do :; done")
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP], [false, true])
  func `an export that is told to end leaves nothing`(signal: Int32, isServed: Bool) throws {
    let coppice = try CoppiceCommand()
    try coppice.script("mkdir tree; seq 20000 | split -l 10 -a 4 - tree/f")
    try coppice.check("import", "tree", "main")
    let server = isServed ? try ServingCoppice(coppice) : nil
    let running = try coppice.program.start(["export", "main", "out"], in: coppice.folder.path)
    try waitForStage(coppice)
    running.send(signal: signal)
    let status = try running.wait().status
    // It may have been done already.
    if status != 0 {
      #expect(status == 128 + signal)
      // A server sees within moments that nobody wants it any more.
      try coppice.script(
        "for _ in $(seq 6000); do ls -d out* > /dev/null 2>&1 || exit 0; sleep 0.01; done; exit 1")
    }
    #expect(try server?.end(SIGTERM).status ?? 0 == 0)
  }

  @Test(arguments: [false, true])
  func `what a killed one leaves goes with the next`(isServed: Bool) throws {
    let coppice = try CoppiceCommand()
    try coppice.script("mkdir tree; seq 20000 | split -l 10 -a 4 - tree/f")
    try coppice.check("import", "tree", "main")
    let server = isServed ? try ServingCoppice(coppice) : nil
    let running = try coppice.program.start(["export", "main", "out"], in: coppice.folder.path)
    try waitForStage(coppice)
    if let server { _ = try server.end(SIGKILL) } else { running.send(signal: SIGKILL) }
    if try running.wait().status == 0 { return }
    try coppice.check("export", "main", "out")
    #expect(try !names(coppice).contains { $0.hasPrefix("out.incomplete-") })
    try coppice.script("diff -r tree out")
  }

  @Test func `how long to wait for the store's lock can be said`() throws {
    let coppice = try CoppiceCommand()
    try coppice.check("branch", "create", "main")
    let disk = try DirectoryDisk(path: coppice.folder("store"), creating: false)
    var lock: (any DiskLock)? = try disk.lock(exclusively: true)
    let refused = try coppice.failure("ls", "main", "--lock-wait", "0s")
    #expect(refused.status == 5)
    #expect(refused.message.contains("in use by process \(HostProcess.identifier)"))
    #expect(try coppice("ls", "main", "--lock-wait", "soon").status == 64)
    let waiting = try coppice.program.start(["ls", "main", "--lock-wait", "1h"])
    lock = nil
    #expect(try waiting.wait().status == 0)
    withExtendedLifetime(lock) {}
  }

  @Test func `a store is not made where one is, whoever has it`() throws {
    let coppice = try CoppiceCommand()
    let server = try ServingCoppice(coppice)
    let beside = try coppice.failure("init")
    #expect(beside.status == 4)
    #expect(beside.message == "there is a store already")
    #expect(beside.object == coppice.folder("store"))
    #expect(try server.end(SIGTERM).status == 0)
    #expect(try coppice.failure("init").status == 4)
    try coppice.script("mkdir full; touch full/file")
    #expect(try coppice.failure("init", "--store", "full").message.contains("not empty"))
  }
}
