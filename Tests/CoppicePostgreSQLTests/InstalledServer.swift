import CoppicePostgreSQL
import Glibc
import TestSupport

/// A version of PostgreSQL whose programs are on this machine: the distribution's, and those of
/// other versions that tests were given.
struct InstalledServer: Sendable, CustomStringConvertible {
  let major: MajorVersion
  /// The directory of its programs.
  let programs: String

  var description: String { "PostgreSQL \(major)" }

  /// Where none is, tests of real servers are skipped; in CI they fail instead.
  static var isThere: Bool { getenv("CI") != nil || !all.isEmpty }

  /// Version 15, which Debian 12 has.
  static var usual: InstalledServer? { all.first { $0.major == MajorVersion(15) } }

  static let all: [InstalledServer] = {
    let usual = MajorVersion.known.map { "/usr/lib/postgresql/\($0)/bin" }
    var servers: [InstalledServer] = []
    for directory in usual + OtherVersions.programs {
      let program = Program("\(directory)/postgres")
      guard program.isInstalled, let answer = try? program.check(["-V"]).text else { continue }
      let words = answer.split { $0 == " " || $0 == "." || $0 == "\n" }
      guard words.count > 2, let number = Int(words[2]),
        !servers.contains(where: { $0.major == MajorVersion(number) })
      else { continue }
      servers.append(InstalledServer(major: MajorVersion(number), programs: directory))
    }
    return servers
  }()

  /// The names of its settings that it tells by itself.
  func settingNames() throws -> Set<String> {
    let text = try Program("\(programs)/postgres").check(["--describe-config"]).text
    return Set(
      text.split(separator: "\n").map { line in String(line.prefix { $0 != "\t" }) })
  }
}

/// A cluster of a test's own, and its server. As root both are another user's, since servers refuse
/// to work for root.
final class TestCluster {
  let server: InstalledServer
  let folder: TemporaryFolder
  var data: String { folder("data") }
  var sockets: String { folder("sockets") }
  private var isRunning = false

  /// Makes a cluster with the superuser `postgres`.
  init(_ server: InstalledServer) throws {
    self.server = server
    folder = try TemporaryFolder()
    guard mkdir(folder("sockets"), 0o755) == 0 else {
      throw Program.Failure(description: "mkdir: \(errno)")
    }
    if getuid() == 0 {
      try Program("chown").check(["-R", "postgres:", folder.path])
      chmod(folder.path, 0o755)
    }
    try run(
      "initdb",
      ["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-k", "-N", "-D", data])
  }

  deinit {
    if isRunning { _ = try? run("pg_ctl", ["-s", "-D", data, "-m", "immediate", "stop"]) }
  }

  /// Runs one of the server's programs as its user.
  @discardableResult
  func run(_ program: String, _ arguments: [String]) throws -> Program.Result {
    let path = "\(server.programs)/\(program)"
    guard getuid() == 0 else { return try Program(path).check(arguments) }
    return try Program("setpriv").check(
      [
        "--reuid=postgres", "--regid=postgres", "--clear-groups", "env", "-C", "/", "HOME=/tmp",
        path,
      ]
        + arguments)
  }

  func controlFile() throws -> ControlFile {
    try ControlFile(
      try TemporaryFolder.bytes(of: "\(data)/\(ControlFile.path)"), of: server.major)
  }

  /// A configuration for it, without anything else in it.
  func configuration() throws -> InstanceConfiguration {
    InstanceConfiguration(
      major: server.major, control: try controlFile(),
      files: InstanceConfiguration.Files(
        data: data, sockets: sockets, configuration: folder("instance.conf"),
        hba: folder("hba.conf"), ident: folder("ident.conf")),
      port: 5432, clusterName: "pr-42")
  }

  /// The name of the user under whom this test works.
  static var ownUser: String { String(cString: getpwuid(getuid()).pointee.pw_name) }

  func start(_ configuration: InstanceConfiguration, _ access: AccessFiles) throws {
    try write("instance.conf", configuration.file)
    try write("hba.conf", access.hba)
    try write("ident.conf", access.ident)
    // pg_ctl gives its words to a shell.
    let words = configuration.arguments.map { word in
      "'\(word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''"))'"
    }
    do {
      try run(
        "pg_ctl",
        ["-s", "-w", "-D", data, "-l", folder("log"), "-o", words.joined(separator: " "), "start"])
    } catch {
      throw Program.Failure(description: "\(error): \(log.suffix(2000))")
    }
    isRunning = true
  }

  func stop() throws {
    try run("pg_ctl", ["-s", "-w", "-D", data, "-m", "fast", "stop"])
    isRunning = false
  }

  var log: String {
    String(decoding: (try? TemporaryFolder.bytes(of: folder("log"))) ?? [], as: UTF8.self)
  }

  func write(_ name: String, _ text: String) throws {
    chmod(try folder.write(name, text.utf8), 0o644)
  }

  /// What a client gets: its rows, or the server's refusal.
  ///
  /// - Parameter user: of the machine, who connects; this test's own one by itself.
  func ask(
    _ statements: String, as role: String, in database: String, password: String = "none",
    by user: String? = nil
  ) throws -> Program.Result {
    let words = [
      "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", sockets, "-p", "5432", "-U", role,
      "-d", database, "-f", "-",
    ]
    let input = try folder.write("statements", (statements + "\n").utf8)
    let settings = ["PGPASSWORD": password, "PGPASSFILE": "/dev/null"]
    let psql = "\(server.programs)/psql"
    guard let user else {
      return try Program(psql, environment: settings).run(words, input: input)
    }
    return try Program("setpriv", environment: settings).run(
      ["--reuid=\(user)", "--clear-groups", psql] + words, input: input)
  }

  /// As `ask`, of the administrator where Coppice asks.
  func administer(_ statements: String) throws -> String {
    let result = try ask(
      statements, as: "postgres", in: AccessFiles.administrativeDatabase)
    guard result.status == 0 else { throw Program.Failure(description: result.errors) }
    return result.text
  }
}
