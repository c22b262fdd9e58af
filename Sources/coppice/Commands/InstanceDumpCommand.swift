internal import ArgumentParser
internal import Coppice
internal import CoppiceInstances
internal import CoppicePlatform
internal import CoppiceServer
internal import Foundation

struct InstanceDumpCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dump", abstract: "Run pg_dump on the PostgreSQL of a branch.",
    discussion: """
      The branch's PostgreSQL must run; of a snapshot, make a branch first. TARGET must not \
      exist; - is standard output. What stands behind -- is for pg_dump: without, it writes its \
      custom format of the branch's usual database. What is not whole yet carries 'incomplete' in \
      its name; all that is written is for its user alone. Ends with pg_dump's status.

      JSON: \(DumpedBranch.keys). When TARGET is standard output nothing is printed.

      Examples:
        coppice pg dump pr-42 pr-42.dump
        coppice pg dump pr-42 - -- -Fp --schema-only | less
        coppice pg dump pr-42 pr-42.dir -- -Fd -j 4
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The branch.")
  var name: String

  @Argument(help: "A path that does not exist, or - for standard output.")
  var target: String

  @Argument(parsing: .postTerminator, help: "For pg_dump.")
  var arguments: [String] = []

  func run() throws {
    guard !EntryName.isSnapshot(name) else {
      throw StoreError(
        .invalid, "a snapshot has no PostgreSQL", object: name,
        remedy: "make a branch of it, and dump that: `coppice pg start BRANCH --from \(name)`")
    }
    guard !target.isEmpty else {
      throw StoreError(
        .invalid, "the target's path is empty", remedy: "name a file that does not exist")
    }
    let answer = try options.ask(InstanceShowRequest(name: name))
    guard answer.state == .running else {
      throw StoreError(
        .unavailable, "its PostgreSQL does not run: it is \(answer.state.rawValue)", object: name,
        remedy: "start it: `coppice pg start \(name)`")
    }
    let program = Self.program(of: answer)
    let words = ["--format=custom", "--no-password"] + arguments
    if target == "-" {
      let failure = HostProcess.become(program, words, adding: answer.connection.variables)
      throw Self.missing(answer, failure.description)
    }
    let dumped = try DumpedFile(target)
    let status = try dumped.fill { path throws(StoreError) in
      try run(program, words + ["--file", path], answer)
    }
    guard status == 0 else { throw ExitCode(status) }
    try options.print(DumpedBranch(name: name, target: target))
  }

  /// That of the server's version where it is installed: a newer one reads it too.
  private static func program(of answer: InstanceReport) -> String {
    let usual = "\(ProgramDirectories.usualPlace)/\(answer.major)/bin/pg_dump"
    return HostPath.resolved(usual) == nil ? "pg_dump" : usual
  }

  private static let notStarted: Int32 = 127

  private static func missing(_ answer: InstanceReport, _ cause: String?) -> StoreError {
    StoreError(
      .notFound, "the program pg_dump cannot be started", object: answer.name,
      remedy: "install it (Debian: `apt install postgresql-client-\(answer.major)`)", cause: cause)
  }

  /// Runs it to its end, which signals to this process bring about. Nobody else reads what it
  /// writes.
  private func run(
    _ program: String, _ words: [String], _ answer: InstanceReport
  ) throws(StoreError) -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", #"umask 077; exec "$@""#, "sh", program] + words
    var environment = ProcessInfo.processInfo.environment
    for (name, value) in answer.connection.variables { environment[name] = value }
    process.environment = environment
    let isOver = DispatchSemaphore(value: 0)
    process.terminationHandler = { _ in isOver.signal() }
    PassedSignals.begin()
    do { try process.run() } catch { throw Self.missing(answer, "\(error)") }
    PassedSignals.pass(to: process.processIdentifier)
    isOver.wait()
    PassedSignals.end()
    let status = process.terminationStatus
    if process.terminationReason == .uncaughtSignal { return 128 + status }
    guard status != Self.notStarted else { throw Self.missing(answer, nil) }
    return status
  }
}

/// A file or directory that has its name only once it is whole.
private struct DumpedFile {
  private let path: String
  private let directory: HostDirectory
  private let name: [UInt8]

  /// Throws `conflict` where something has the name.
  init(_ path: String) throws(StoreError) {
    self.path = path
    let parts = HostPath.split(path)
    name = ByteText.bytes(parts.name)
    do throws(SystemError) {
      directory = try HostDirectory(path: parts.folder)
      do throws(SystemError) { _ = try directory.status(of: name) } catch {
        guard error.isMissing else { throw error }
        return
      }
    } catch {
      throw StoreError(writing: error, object: path)
    }
    throw existing
  }

  private var existing: StoreError {
    StoreError(
      .conflict, "exists already", object: path, remedy: "choose another target", reason: .exists)
  }

  /// Has `body` write to a path beside it. Unless it returns 0, nothing stays.
  func fill(_ body: (String) throws(StoreError) -> Int32) throws(StoreError) -> Int32 {
    let temporary = name + Array(".incomplete-\(HostProcess.identifier)".utf8)
    var isWhole = false
    defer { if !isWhole { try? directory.removeTree(temporary) } }
    let status = try body("\(directory.path)/\(ByteText.text(temporary))")
    guard status == 0 else { return status }
    do throws(SystemError) {
      try directory.rename(temporary, to: name, exclusively: true)
      isWhole = true
      try directory.sync()
    } catch {
      if error.isExisting { throw existing }
      throw StoreError(writing: error, object: path)
    }
    return status
  }
}

struct DumpedBranch: Reply, Decodable {
  var name: String
  var target: String

  var text: String { "Dumped \(Output.printable(name)) to \(Output.printable(target))\n" }
}
