import CoppiceErrors
import CoppiceInstances
import CoppicePlatform
import Glibc
import Synchronization
import TestSupport

/// What tests that start real servers need.
enum InstanceRequirement {
  static let text = "needs root and PostgreSQL 15"
  static var isMet: Bool {
    getenv("CI") != nil
      || (getuid() == 0 && Program("\(InstanceFixture.programs)/initdb").isInstalled)
  }
}

/// A launcher, with plain directories for the branches of a mount, that ends with the fixture.
final class InstanceFixture {
  static let programs = "/usr/lib/postgresql/15/bin"
  static let users = "300000-300999"
  /// Beside the running test.
  static let command: String = {
    let path = (try? HostProcess.executablePath()) ?? ""
    return HostPath.split(path).folder + "/coppice"
  }()
  private static let lastUser = Atomic<UInt32>(300_000)
  /// A cluster that is copied where one is needed; removed when the tests end.
  private static let template = Mutex<TemporaryFolder?>(nil)

  private static func copyTemplate(to path: String) throws {
    try template.withLock { template in
      if template == nil {
        template = try makeTemplate()
        atexit { InstanceFixture.template.withLock { $0 = nil } }
      }
      try Program("cp").check(["-a", template?("data") ?? "", path])
    }
  }

  private static func makeTemplate() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try Program("chown").check(["postgres:", folder.path])
    try Program("setpriv").check([
      "--reuid=postgres", "--regid=postgres", "--clear-groups", "env", "HOME=/tmp",
      "\(programs)/initdb", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N", "-U", "postgres",
      "-D", folder("data"),
    ])
    return folder
  }

  let folder: TemporaryFolder
  let launcher: Launcher

  init(
    isolationMax: Isolation = .full, programDirectories: [String] = [InstanceFixture.programs],
    program: String = InstanceFixture.command, users: String? = InstanceFixture.users
  ) throws {
    let folder = try TemporaryFolder()
    // Users of instances go through it.
    try Program("chmod").check(["755", folder.path])
    try Program("mkdir").check(["-m", "755", folder("mount"), folder("runs")])
    launcher = try Launcher(
      Launcher.Options(
        program: program,
        settings: LauncherSettings(
          users: try users.map { try UserRange($0) }, owner: 0, ownerName: nil,
          mountDirectory: folder("mount"), runDirectory: folder("runs"),
          programDirectories: programDirectories, isolationMax: isolationMax)))
    self.folder = folder
  }

  deinit { launcher.close() }

  /// A branch with a cluster that belongs to a number of its own.
  func makeBranch(_ name: String, user: UInt32? = nil) throws -> Branch {
    let user = user ?? Self.lastUser.add(1, ordering: .relaxed).newValue
    let branch = try makePlace(name, user: user)
    try Self.copyTemplate(to: branch.path)
    try Program("chown").check(["-R", "\(user):\(user)", branch.path])
    return branch
  }

  /// A branch without anything in it.
  func makePlace(_ name: String, user: UInt32? = nil) throws -> Branch {
    let user = user ?? Self.lastUser.add(1, ordering: .relaxed).newValue
    let branch = Branch(
      path: folder("mount/\(name)"), run: folder("runs/\(name)/run"),
      settings: folder("runs/\(name)/settings"), user: user)
    try Program("mkdir").check(["-p", "-m", "755", branch.path, branch.run, branch.settings])
    try Program("chown").check(["\(user):\(user)", branch.path])
    try Program("chmod").check(["700", branch.run])
    return branch
  }

  struct Branch {
    let path: String
    let run: String
    let settings: String
    let user: UInt32

    var data: String { "\(path)/data" }

    func launch(_ isolation: Isolation = .full, settings: [String] = []) -> Launch {
      let fixed = [
        "listen_addresses=", "unix_socket_directories=\(run)", "shared_buffers=16MB",
        "max_connections=20",
      ]
      return Launch(
        program: "\(InstanceFixture.programs)/postgres",
        arguments: ["-D", data] + (fixed + settings).flatMap { ["-c", $0] },
        environment: ["PATH": "/usr/bin:/bin", "TZ": "UTC"], isolation: isolation, userID: user,
        groupID: user, data: data, runDirectory: run, readOnlyPaths: [self.settings])
    }
  }

  /// Starts a server and waits until it takes connections.
  func start(
    _ branch: Branch, _ isolation: Isolation = .full, settings: [String] = []
  ) throws -> RunningServer {
    let server = try RunningServer(
      launcher, branch.launch(isolation, settings: settings), socketDirectory: branch.run)
    try server.log.wait(for: "ready to accept connections")
    return server
  }
}

/// A server that a launcher has started.
final class RunningServer {
  let process: LaunchedProcess
  let log: LogText
  private let end = EndNote()
  private let socketDirectory: String

  init(_ launcher: Launcher, _ launch: Launch, socketDirectory: String) throws {
    let end = end
    process = try launcher.start(launch) { end.note($0) }
    log = LogText(process.log)
    self.socketDirectory = socketDirectory
  }

  /// How it ended; waits for that.
  func waitForEnd() throws -> ProcessEnd { try end.wait() }

  func stop() throws {
    process.signal(.fast)
    _ = try waitForEnd()
  }

  /// What psql prints, connected as the superuser by root from outside.
  @discardableResult
  func sql(_ commands: String...) throws -> String {
    try psql(commands).output
  }

  /// What is wrong with a command.
  func refusal(_ command: String) throws -> String {
    let result = try psql([command], mustSucceed: false)
    guard result.status != 0 else {
      throw Program.Failure(description: "\(command) is not refused: \(result.output)")
    }
    return result.errors
  }

  private func psql(
    _ commands: [String], mustSucceed: Bool = true
  ) throws -> (status: Int32, output: String, errors: String) {
    let arguments =
      ["-h", socketDirectory, "-U", "postgres", "-d", "postgres", "-XqAt", "-v", "ON_ERROR_STOP=1"]
      + commands.flatMap { ["-c", $0] }
    let result = try Program("\(InstanceFixture.programs)/psql").run(arguments)
    guard !mustSucceed || result.status == 0 else {
      throw Program.Failure(description: "psql \(commands): \(result.errors)")
    }
    return (result.status, result.text, result.errors)
  }

  /// What a shell prints that the server's superuser starts, errors too.
  func shell(_ script: String) throws -> String {
    let quoted = "( \(script)\n) 2>&1; true".replacing("'", with: "''")
    return try sql(
      "CREATE TEMP TABLE o (line text)",
      "COPY o FROM PROGRAM '\(quoted)' (FORMAT csv, QUOTE E'\\x02', DELIMITER E'\\x01')",
      "SELECT line FROM o")
  }
}

/// Text that comes by a pipe.
final class LogText {
  private let file: HostFile
  private(set) var text = ""

  init(_ file: HostFile) { self.file = file }

  /// Reads until the text holds that; throws with all of it when the pipe ends before.
  func wait(for words: String) throws {
    while !text.contains(words) {
      guard try readMore() else {
        throw Program.Failure(description: "the log ends without '\(words)':\n\(text)")
      }
    }
  }

  /// Reads to the end.
  func readAll() throws -> String {
    while try readMore() {}
    return text
  }

  private func readMore() throws -> Bool {
    var bytes = [UInt8](repeating: 0, count: 1 << 12)
    let count = try bytes.withUnsafeMutableBytes { try file.readSome(into: $0) }
    text += String(decoding: bytes[..<count], as: UTF8.self)
    return count > 0
  }
}

/// How something ended, as soon as that is known.
final class EndNote: @unchecked Sendable {
  private let monitor = Monitor()
  private var end: ProcessEnd?

  func note(_ end: ProcessEnd) {
    monitor.withLock {
      precondition(self.end == nil, "an end that is told twice")
      self.end = end
      monitor.broadcast()
    }
  }

  func wait() throws -> ProcessEnd {
    let deadline = SystemClock().monotonicNanoseconds() + 60_000_000_000
    return try monitor.withLock {
      while true {
        if let end { return end }
        guard monitor.wait(untilMonotonicNanoseconds: deadline) else {
          throw Program.Failure(description: "it has not ended in a minute")
        }
      }
    }
  }
}
