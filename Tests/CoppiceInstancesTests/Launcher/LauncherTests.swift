import CoppiceErrors
import CoppiceInstances
import CoppicePlatform
import Glibc
import TestSupport
import Testing

/// Real servers, started and ended by a launcher.
@Suite(.serialized, .enabled(if: InstanceRequirement.isMet, "\(InstanceRequirement.text)"))
struct LauncherTests {
  /// One that has ended and is not collected yet does not count.
  private func isRunning(_ process: Int32) -> Bool {
    ProcessStatus(of: process)?["State"].map { !$0.hasPrefix("Z") } ?? false
  }

  @Test(arguments: [Isolation.full, .user])
  func `a server starts, answers from outside, and ends`(_ isolation: Isolation) throws {
    let fixture = try InstanceFixture()
    #expect(fixture.launcher.isolation == .full && fixture.launcher.isolationNote.isEmpty)
    let branch = try fixture.makeBranch("main")
    let server = try fixture.start(branch, isolation)
    #expect(try server.sql("SELECT 6 * 7") == "42\n")
    let status = try #require(ProcessStatus(of: server.process.identifier))
    #expect(status["Uid"] == "\(branch.user)\t\(branch.user)\t\(branch.user)\t\(branch.user)")
    #expect(status["Gid"] == "\(branch.user)\t\(branch.user)\t\(branch.user)\t\(branch.user)")
    #expect(status["Groups"]?.contains { $0.isNumber } == false)
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
      #expect(status[set] == "0000000000000000")
    }
    #expect(status["NoNewPrivs"] == "1" && status["Seccomp"] == "2")
    server.process.signal(.fast)
    #expect(try server.waitForEnd() == .exited(0))
    #expect(try server.log.readAll().contains("database system is shut down"))
    #expect(!isRunning(server.process.identifier))
    // The same number, and the same branch, again.
    try fixture.start(branch, isolation).stop()
  }

  @Test(arguments: [Isolation.full, .user])
  func `signals reach the server`(_ isolation: Isolation) throws {
    let fixture = try InstanceFixture()
    let branch = try fixture.makeBranch("main")
    var server = try fixture.start(branch, isolation)
    server.process.signal(.reload)
    try server.log.wait(for: "received SIGHUP")
    server.process.signal(.smart)
    #expect(try server.waitForEnd() == .exited(0))
    #expect(try server.log.readAll().contains("received smart shutdown request"))
    server = try fixture.start(branch, isolation)
    server.process.signal(.immediate)
    #expect(try server.waitForEnd() == .exited(0))
    #expect(try server.log.readAll().contains("received immediate shutdown request"))
    server = try fixture.start(branch, isolation)
    #expect(server.log.text.contains("was not properly shut down"))
    server.process.signal(.kill)
    #expect(try server.waitForEnd() == .killed(SIGKILL))
    #expect(!isRunning(server.process.identifier))
    // Nobody is left to be told.
    server.process.signal(.fast)
    #expect(try fixture.start(branch, isolation).sql("SELECT 1") == "1\n")
  }

  @Test(arguments: [Isolation.full, .user])
  func `a killed launcher takes its servers with it`(_ isolation: Isolation) throws {
    let fixture = try InstanceFixture()
    let first = try fixture.start(try fixture.makeBranch("first"), isolation)
    let branch = try fixture.makeBranch("second")
    let second = try fixture.start(branch, isolation)
    kill(fixture.launcher.identifier, SIGKILL)
    #expect(try first.waitForEnd() == .unknown)
    #expect(try second.waitForEnd() == .unknown)
    #expect(!isRunning(first.process.identifier) && !isRunning(second.process.identifier))
    // Another launcher takes its place. The number in the file may still be a process's.
    unlink("\(branch.data)/postmaster.pid")
    unlink("\(branch.run)/.s.PGSQL.5432.lock")
    #expect(try fixture.start(branch, isolation).sql("SELECT 1") == "1\n")
  }

  @Test(arguments: [Isolation.full, .user])
  func `closing ends what runs`(_ isolation: Isolation) throws {
    let fixture = try InstanceFixture()
    let branch = try fixture.makeBranch("main")
    let server = try fixture.start(branch, isolation)
    fixture.launcher.close()
    let error = #expect(throws: StoreError.self) {
      _ = try fixture.launcher.start(branch.launch(isolation)) { _ in }
    }
    #expect(error?.kind == .unavailable && error?.remedy.isEmpty == false)
    #expect(try server.waitForEnd() == .killed(SIGKILL))
    #expect(!isRunning(server.process.identifier) && !isRunning(fixture.launcher.identifier))
  }

  @Test func `a killed server process takes all that it started with it`() throws {
    let fixture = try InstanceFixture()
    let branch = try fixture.makeBranch("main")
    let server = try fixture.start(branch)
    // It outlives its parent, and is in nobody's session.
    _ = try server.shell("setsid sh -c 'while :; do sleep 1000; done' > /dev/null 2>&1 &")
    kill(server.process.identifier, SIGKILL)
    #expect(try server.waitForEnd() == .killed(SIGKILL))
    #expect(!HostUsers.hasProcesses(branch.user))
  }

  @Test func `without namespaces what a program leaves running ends too`() throws {
    let fixture = try InstanceFixture()
    let branch = try fixture.makeBranch("main")
    let server = try fixture.start(branch, .user)
    _ = try server.shell("setsid sh -c 'while :; do sleep 1000; done' > /dev/null 2>&1 &")
    try server.stop()
    #expect(!HostUsers.hasProcesses(branch.user))
  }

  @Test func `an orphan that fails is not taken for a crash of the server`() throws {
    let fixture = try InstanceFixture()
    let server = try fixture.start(try fixture.makeBranch("main"))
    // Its shell ends; it then belongs to process 1, and fails when it is told to.
    let orphan = try server.shell(
      "(sh -c 'while [ ! -e /tmp/go ]; do :; done; kill -9 $$' > /dev/null 2>&1 & echo $!)")
    let number = orphan.filter(\.isNumber)
    #expect(Int(number) != nil)
    #expect(
      try server.shell("touch /tmp/go; while kill -0 \(number); do :; done")
        .contains("No such process"))
    #expect(try server.sql("SELECT 1") == "1\n")
    try server.stop()
    #expect(try !server.log.readAll().contains("terminated"))
  }

  @Test func `a program that fails is told of with its status and its words`() throws {
    let fixture = try InstanceFixture()
    let branch = try fixture.makeBranch("main")
    let server = try RunningServer(
      fixture.launcher, branch.launch(settings: ["no_such=1"]), socketDirectory: branch.run)
    #expect(try server.waitForEnd() == .exited(1))
    #expect(try server.log.readAll().contains("no_such"))
  }

  @Test func `a cluster is made under a number that no user has`() throws {
    let fixture = try InstanceFixture()
    let branch = try fixture.makePlace("new")
    try Program("mkdir").check([branch.data])
    try Program("chown").check(["\(branch.user):\(branch.user)", branch.data])
    var launch = branch.launch()
    launch.program = "\(InstanceFixture.programs)/initdb"
    launch.arguments = [
      "-N", "-A", "trust", "--locale=C.UTF-8", "-U", "postgres", "-D", branch.data,
    ]
    let made = try RunningServer(fixture.launcher, launch, socketDirectory: branch.run)
    let text = try made.log.readAll()
    #expect(try made.waitForEnd() == .exited(0), "\(text)")
    #expect(try fixture.start(branch).sql("SELECT 1") == "1\n")
  }

  @Test func `limits and the score for want of memory hold`() throws {
    let fixture = try InstanceFixture()
    let branch = try fixture.makeBranch("main")
    var launch = branch.launch()
    launch.outOfMemoryScore = 321
    launch.openFileCountMax = 1234
    launch.processCountMax = 77
    let server = try RunningServer(fixture.launcher, launch, socketDirectory: branch.run)
    try server.log.wait(for: "ready to accept connections")
    #expect(try server.shell("cat /proc/$PPID/oom_score_adj") == "321\n")
    let limits = try server.shell("cat /proc/self/limits; umask")
    #expect(limits.contains(#/Max open files +1234 +1234 /#))
    #expect(limits.contains(#/Max processes +77 +77 /#))
    // One byte: no core, and none handed to a program.
    #expect(limits.contains(#/Max core file size +1 +1 /#))
    #expect(limits.hasSuffix("0077\n"))
  }

  @Test func `two hundred starts leave no process and no descriptor`() throws {
    let programs = try TemporaryFolder()
    try Program("mkdir").check(["-p", programs("pg/bin")])
    try Program("cp").check(["/bin/false", programs("pg/bin/postgres")])
    try Program("chmod").check(["-R", "755", programs.path])
    let fixture = try InstanceFixture(programDirectories: [programs("pg/bin")])
    let branch = try fixture.makeBranch("main")
    var launch = branch.launch()
    launch.program = programs("pg/bin/postgres")
    let launcher = "/proc/\(fixture.launcher.identifier)"
    func run(_ launch: Launch) throws {
      let server = try RunningServer(fixture.launcher, launch, socketDirectory: branch.run)
      #expect(try server.waitForEnd() == .exited(1))
    }
    var refused = launch
    refused.data += "/missing"
    // When the launcher answers this, it is done with all that was before.
    func descriptors() throws -> [[UInt8]] {
      #expect(throws: StoreError.self) { try run(refused) }
      return try HostDirectory(path: "\(launcher)/fd").names()
    }
    try run(launch)
    let before = try descriptors()
    for _ in 0..<200 { try run(launch) }
    for _ in 0..<20 { #expect(throws: StoreError.self) { try run(refused) } }
    #expect(try descriptors().count == before.count)
    let children = try TemporaryFolder.bytes(
      of: "\(launcher)/task/\(fixture.launcher.identifier)/children")
    #expect(children.isEmpty)
  }
}

/// Lines of /proc/N/status by their names.
struct ProcessStatus {
  private let values: [String: String]

  init?(of process: Int32) {
    guard let lines = try? HostUsers.lines(of: "/proc/\(process)/status") else { return nil }
    values = Dictionary(
      lines.map { ($0[0], String(($0.last ?? "").drop { $0 == "\t" })) }
    ) { first, _ in first }
  }

  subscript(_ name: String) -> String? { values[name] }
}
