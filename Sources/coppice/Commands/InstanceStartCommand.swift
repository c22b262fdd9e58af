internal import ArgumentParser
internal import Coppice
internal import CoppiceInstances
internal import CoppiceLifecycle
internal import CoppiceServer

struct InstanceStartCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "start",
    abstract: "Start the PostgreSQL of a branch, and make the branch if need be.",
    discussion: """
      Returns once it takes connections, or takes back what it made. With --from the branch is \
      made of that branch or snapshot unless it is there, as by 'coppice branch create \
      --or-existing': notes tell what it keeps. One that runs, and is as asked, goes on. The \
      branch has one data directory of PostgreSQL, and the machine programs of its major version.

      Clients log in as the owner of the oldest database that somebody made, or as --login says, \
      with a password made for this branch. --export prints lines for a shell: eval "$(coppice pg \
      start ... --export)" sets DATABASE_URL, PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE and \
      PGSSLMODE.

      Status 1: it did not start, and the message has what it printed last. 3: no data directory, \
      or no programs of its version. 5: another server works on the branch. 75: it does not take \
      connections in time, or no port or user number is free.

      JSON: \(InstanceStartRequest.keys).

      Examples:
        coppice pg start pr-42 --from main --ttl 3d
        eval "$(coppice pg start pr-42 --from main@monday --export)" && psql
        coppice pg start pr-42 --set work_mem=64MB --port 6042
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The branch.")
  var name: String

  @Option(name: .long, help: "The branch or snapshot to make it from if it is not there.")
  var from: String?

  @OptionGroup var terms: TermsArguments

  @Option(
    name: .long,
    help: ArgumentHelp(
      "What a new branch and its snapshots may add. \(ByteCount.help)", valueName: "size"))
  var maxStored: ByteCount?

  @Flag(name: .long, help: "Reset a branch that exists to what it was made from.")
  var orReset = false

  @Option(name: .long, help: "The port for clients. Default: the same as before, or a free one.")
  var port: Int?

  @Option(
    name: .long,
    help: ArgumentHelp("A setting, NAME=VALUE; may come often.", valueName: "setting"))
  var set: [String] = []

  @Option(name: .long, help: "The role by which clients log in.")
  var login: String?

  @Option(name: .long, help: "The database. Default: the oldest that somebody made.")
  var database: String?

  @Flag(name: .long, help: "Log in as the cluster's first superuser.")
  var superuser = false

  @Option(name: .long, help: "How long it may take until it takes connections. Default: 60s.")
  var wait: TimeSpan?

  @Flag(name: .long, help: "Print lines for a shell instead.")
  var export = false

  func validate() throws {
    guard from != nil || !orReset else { throw ValidationError("--or-reset needs --from") }
    guard login == nil || !superuser else {
      throw ValidationError("write --login or --superuser, not both")
    }
    guard !export || !options.json else {
      throw ValidationError("write --export or --json, not both")
    }
  }

  func run() throws {
    var terms = terms.terms
    terms.maxStoredByteCount = maxStored?.value
    let answer = try options.ask(
      InstanceStartRequest(
        name: name, from: from, terms: terms, orReset: orReset, port: port,
        settings: set, login: login, database: database, superuser: superuser,
        wait: wait?.seconds))
    if export {
      for note in answer.addition.notes { Output.note(note) }
      try Output.write(bytes: answer.report.connection.shellLines)
    } else {
      try options.print(answer)
    }
  }
}

extension InstanceStartRequest.Answer: Reply {
  var text: String {
    let name = Output.printable(report.name)
    let server = "its PostgreSQL \(report.major)"
    let time = report.startMilliseconds.map { " in \($0) ms" } ?? ""
    let done =
      if addition.wasRunning {
        "Runs already: \(server)"
      } else if addition.isNew {
        "Made \(name) and started \(server)\(time)"
      } else if addition.isReset {
        "Reset \(name) and started \(server)\(time)"
      } else {
        "Started \(server)\(time)"
      }
    let lines = addition.notes.map { "  note: \(Output.printable($0))\n" }.joined()
    return """
      \(done), isolation \(report.isolation.rawValue)
      \(Output.printable(report.url ?? ""))

      """ + lines
  }
}
