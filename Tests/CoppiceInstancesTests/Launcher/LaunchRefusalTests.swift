import CoppiceErrors
import CoppiceInstances
import CoppicePlatform
import Glibc
import TestSupport
import Testing

/// What a launcher does not start, whatever the server asks.
@Suite(.serialized, .enabled(if: InstanceRequirement.isMet, "\(InstanceRequirement.text)"))
struct LaunchRefusalTests {
  private let fixture: InstanceFixture
  private let branch: InstanceFixture.Branch
  private let programs: TemporaryFolder

  init() throws {
    programs = try TemporaryFolder()
    try Program("mkdir").check(["-p", programs("pg/bin")])
    try Program("cp").check(["/bin/true", programs("pg/bin/postgres")])
    try Program("chmod").check(["-R", "755", programs.path])
    fixture = try InstanceFixture(
      programDirectories: [InstanceFixture.programs, programs("pg/bin")])
    branch = try fixture.makePlace("main")
    try Program("mkdir").check([branch.data])
    try Program("chown").check(["\(branch.user):\(branch.user)", branch.data])
  }

  private var launch: Launch {
    var launch = branch.launch()
    launch.program = programs("pg/bin/postgres")
    return launch
  }

  /// Expects a refusal of the launch with one change, and then that it works without.
  private func expect(
    _ kind: StoreError.Kind, _ words: String, object: String? = nil,
    sourceLocation: SourceLocation = #_sourceLocation, change: (inout Launch) throws -> Void
  ) throws {
    var changed = launch
    try change(&changed)
    let error = #expect(throws: StoreError.self, sourceLocation: sourceLocation) {
      _ = try fixture.launcher.start(changed) { _ in Issue.record("it ran") }
    }
    #expect(error?.kind == kind, "\(error as Any)", sourceLocation: sourceLocation)
    #expect(
      error?.message.contains(words) == true, "\(error as Any)", sourceLocation: sourceLocation)
    #expect(error?.remedy.isEmpty == false, sourceLocation: sourceLocation)
    if let object { #expect(error?.object == object, sourceLocation: sourceLocation) }
  }

  /// The launch without a change works, so that a refusal is of the change.
  private func expectStart() throws {
    let server = try RunningServer(fixture.launcher, launch, socketDirectory: branch.run)
    #expect(try server.waitForEnd() == .exited(0))
  }

  @Test func `programs that are none of PostgreSQL's are refused`() throws {
    try expectStart()
    try expect(.denied, "no directory whose programs") { $0.program = "/bin/sh" }
    try expect(.denied, "no directory whose programs") { $0.program = "postgres" }
    try expect(.denied, "no directory whose programs") {
      $0.program = programs("pg/bin/../bin/postgres")
    }
    try expect(.denied, "no program that instances need") {
      $0.program = "\(InstanceFixture.programs)/pg_dump"
    }
    try expect(.denied, "no program that instances need") {
      $0.program = "\(InstanceFixture.programs)/pg_ctl"
    }
    try expect(.notFound, "cannot be started") { $0.program = programs("pg/bin/initdb") }
  }

  @Test func `programs that others than root may change are refused`() throws {
    let program = programs("pg/bin/postgres")
    for (arguments, back) in [
      (["chmod", "775", program], ["chmod", "755", program]),
      (["chown", "\(branch.user)", program], ["chown", "0", program]),
      (["chmod", "777", programs("pg/bin")], ["chmod", "755", programs("pg/bin")]),
      // One who can rename what root has in it.
      (["chmod", "1777", programs("pg/bin")], ["chmod", "755", programs("pg/bin")]),
      (["chown", "\(branch.user)", programs("pg")], ["chown", "0", programs("pg")]),
      (["chmod", "770", programs.path], ["chmod", "755", programs.path]),
    ] {
      try Program("env").check(arguments)
      try expect(.denied, "others than root may change it", object: arguments[2]) { _ in }
      try Program("env").check(back)
      try expectStart()
    }
    try Program("chmod").check(["1777", programs("pg")])
    try expectStart()
    try Program("mv").check([program, programs("pg/real")])
    symlink(programs("pg/real"), program)
    try expect(.denied, "symbolic link on the way", object: program) { _ in }
    unlink(program)
    try Program("mkdir").check([program])
    try expect(.invalid, "is no program", object: program) { _ in }
  }

  @Test func `numbers out of the range, and those in use, are refused`() throws {
    for number: UInt32 in [0, 1, 65_534, 299_999, 301_000, .max] {
      try expect(.denied, "the number \(number) is none") { $0.userID = number }
      try expect(.denied, "the number \(number) is none") { $0.groupID = number }
    }
    let sleeping = try Program("setpriv").start([
      "--reuid=\(branch.user)", "--regid=\(branch.user)", "--clear-groups", "sleep", "1000",
    ])
    // It is that user once it is another program.
    while FileUser.name(of: sleeping.pid) != "sleep" { sched_yield() }
    try expect(.inUse, "processes run under the user number") { _ in }
    sleeping.send(signal: SIGKILL)
    _ = try sleeping.wait()
    try expectStart()
    let other = try fixture.makeBranch("other", user: branch.user)
    let server = try fixture.start(other)
    try expect(.inUse, "another instance runs under the user number") { _ in }
    try server.stop()
    try expectStart()
  }

  @Test func `isolations that the launcher does not give are refused`() throws {
    try expect(.denied, "isolation 'none'") { $0.isolation = .none }
    let weak = try InstanceFixture(
      isolationMax: .user, programDirectories: [programs("pg/bin")])
    #expect(weak.launcher.isolation == .user)
    let error = #expect(throws: StoreError.self) {
      _ = try weak.launcher.start(launch) { _ in }
    }
    #expect(error?.kind == .denied && error?.message.contains("isolation 'full'") == true)
  }

  @Test func `data directories elsewhere, of others and by links are refused`() throws {
    try expect(.denied, "does not lie below the mount") { $0.data = "/var/lib/postgresql" }
    try expect(.denied, "does not lie below the mount") { $0.data = fixture.folder("mount") }
    try expect(.denied, "does not lie below the mount") { $0.data = fixture.folder("mounted/x") }
    try expect(.invalid, "no path from the top") { $0.data = "\(branch.path)/../main/data" }
    try expect(.invalid, "no path from the top") { $0.data = "data" }
    try expect(.notFound, "the data directory is missing") { $0.data = "\(branch.path)/none" }
    try expect(.notFound, "the data directory is missing") {
      $0.data = fixture.folder("mount/none/data")
    }
    try Program("touch").check(["\(branch.path)/file"])
    try expect(.invalid, "is no directory") { $0.data = "\(branch.path)/file" }
    let other = try fixture.makeBranch("other")
    try expect(.denied, "belongs to the user number \(other.user)") { $0.data = other.data }
    symlink(branch.data, "\(branch.path)/link")
    try expect(.denied, "a symbolic link") { $0.data = "\(branch.path)/link" }
    symlink("main", fixture.folder("mount/alias"))
    try expect(.denied, "a symbolic link") { $0.data = fixture.folder("mount/alias/data") }
    // What is mounted in a branch is none of it.
    try Program("mkdir").check(["\(branch.path)/inner"])
    try Program("mount").check(["-t", "tmpfs", "none", "\(branch.path)/inner"])
    defer { umount2("\(branch.path)/inner", Int32(MNT_DETACH)) }
    try Program("mkdir").check(["\(branch.path)/inner/data"])
    try expect(.denied, "another mount") { $0.data = "\(branch.path)/inner/data" }
    try expectStart()
  }

  @Test func `run directories elsewhere, missing, of others and by links are refused`() throws {
    try expect(.denied, "does not lie below the server's directory") { $0.runDirectory = "/tmp" }
    try expect(.notFound, "the run directory is missing") {
      $0.runDirectory = fixture.folder("runs/none")
    }
    symlink(branch.run, fixture.folder("runs/link"))
    try expect(.denied, "a symbolic link") { $0.runDirectory = fixture.folder("runs/link") }
    let other = try fixture.makeBranch("other")
    try Program("chown").check(["\(other.user)", other.run])
    try expect(.denied, "belongs to the user number \(other.user)") { $0.runDirectory = other.run }
    try expect(.denied, "may change what it should only read") {
      $0.readOnlyPaths = ["\(branch.run)/settings"]
      try Program("mkdir").check(["\(branch.run)/settings"])
    }
    try expect(.denied, "may change what it should only read") {
      $0.readOnlyPaths = [branch.settings]
      try Program("chmod").check(["777", branch.settings])
    }
    try Program("chmod").check(["755", branch.settings])
    try expect(.notFound, "is missing") { $0.readOnlyPaths = ["\(branch.settings)/none"] }
    try expect(.denied, "does not lie below") { $0.readOnlyPaths = ["/etc/shadow"] }
    try Program("chmod").check(["777", fixture.folder("runs")])
    try expect(.denied, "others than the server may change") { _ in }
    try Program("chmod").check(["755", fixture.folder("runs")])
    try expectStart()
  }

  @Test func `a launch that is too long, or that a message cannot have, is refused`() throws {
    try expect(.invalid, "of at most 65536") {
      $0.arguments = Array(repeating: String(repeating: "x", count: 8000), count: 9)
    }
    try expect(.invalid, "does not understand") {
      $0.arguments = [String(repeating: "x", count: 9000)]
    }
    try expect(.invalid, "does not understand") { $0.environment = ["A=B": "C"] }
    try expectStart()
  }

  @Test func `a launcher that cannot serve says why`() throws {
    let none = #expect(throws: StoreError.self) { _ = try InstanceFixture(users: nil) }
    #expect(none?.kind == .invalid && none?.message.contains("user numbers") == true)
    let odd = #expect(throws: StoreError.self) {
      _ = try InstanceFixture(programDirectories: ["bin"])
    }
    #expect(odd?.kind == .invalid && odd?.object == "bin")
    let missing = #expect(throws: StoreError.self) {
      _ = try InstanceFixture(program: "/nowhere/coppice")
    }
    #expect(missing?.kind == .unavailable)
    #expect(missing?.message.contains("launcher could not be started") == true)
    let other = #expect(throws: StoreError.self) { _ = try InstanceFixture(program: "/bin/true") }
    #expect(other?.kind == .unavailable && other?.message.contains("before it was ready") == true)
  }

  @Test func `nobody but a server starts a launcher`() throws {
    let result = try Program(InstanceFixture.command).run([
      "launcher", "--owner", "0", "--run", "/run", "--isolation", "full",
    ])
    #expect(result.status == 64)
    #expect(result.errors.contains("started by the server"))
  }

  @Test func `a container's root gives what its capabilities allow`() throws {
    let fixture = try InstanceFixture(program: try command(by: "--bounding-set=-sys_admin"))
    #expect(fixture.launcher.isolation == .user)
    #expect(fixture.launcher.isolationNote.contains("no namespaces"))
    let server = try fixture.start(try fixture.makeBranch("main"), .user)
    #expect(try server.sql("SELECT 1") == "1\n")
    let command = try command(by: "--bounding-set=-setuid")
    let error = #expect(throws: StoreError.self) { _ = try InstanceFixture(program: command) }
    #expect(error?.kind == .denied && error?.message.contains("as another user") == true)
    #expect(error?.cause?.contains("setresuid") == true)
  }

  /// Without root there is neither privilege nor isolation, and the rest is the same.
  @Test func `a plain user's launcher starts servers as that user`() throws {
    let user = "--reuid=postgres --regid=postgres --clear-groups"
    let fixture = try InstanceFixture(program: try command(by: user), users: nil)
    #expect(fixture.launcher.isolation == .none)
    #expect(fixture.launcher.isolationNote.contains("root"))
    let postgres = try #require(getpwnam("postgres")).pointee.pw_uid
    let branch = try fixture.makeBranch("main", user: postgres)
    try Program("chown").check(["postgres", branch.run])
    let full = #expect(throws: StoreError.self) {
      _ = try fixture.launcher.start(branch.launch(.full)) { _ in }
    }
    #expect(full?.kind == .denied && full?.remedy.description.contains("root") == true)
    let server = try fixture.start(branch, .none)
    #expect(try server.sql("SELECT 1") == "1\n")
    try server.stop()
    let again = try fixture.start(branch, .none)
    kill(fixture.launcher.identifier, SIGKILL)
    #expect(try again.waitForEnd() == .unknown)
  }

  /// A program that is the command with fewer rights, as `setpriv` gives them.
  private func command(by options: String) throws -> String {
    let script = """
      #!/bin/sh
      exec setpriv \(options) \(InstanceFixture.command) "$@"
      """
    let path = try programs.write("command", script.utf8)
    try Program("chmod").check(["755", path])
    return path
  }
}
