internal import ArgumentParser
internal import Coppice
internal import CoppiceInstances
internal import CoppiceLifecycle
internal import CoppicePlatform
internal import CoppiceServer

struct InstanceStopCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop", abstract: "Stop the PostgreSQL of a branch.",
    discussion: """
      Sessions end, all is written to its files, and it stays stopped until somebody starts it. \
      With --immediate it ends as by a power cut, from which the next start recovers.

      JSON: \(InstanceStopRequest.keys).

      Example:
        coppice pg stop pr-42
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The branch.")
  var name: String

  @Flag(name: .long, help: "At once, as by a power cut.")
  var immediate = false

  func run() throws {
    try options.print(try options.ask(InstanceStopRequest(name: name, immediate: immediate)))
  }
}

struct InstanceRestartCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restart", abstract: "Stop the PostgreSQL of a branch and start it again.",
    discussion: """
      Its address and password stay.

      JSON: \(InstanceRestartRequest.keys).

      Example:
        coppice pg restart pr-42
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The branch.")
  var name: String

  func run() throws {
    try options.print(try options.ask(InstanceRestartRequest(name: name)))
  }
}

struct InstanceSetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "set", abstract: "Change settings of the PostgreSQL of a branch.",
    discussion: """
      It is started again with them. What keeps it from reaching anything but its branch cannot be \
      set (status 6).

      JSON: \(InstanceRestartRequest.keys).

      Examples:
        coppice pg set pr-42 work_mem=64MB log_statement=all
        coppice pg set pr-42 --unset work_mem
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The branch.")
  var name: String

  @Argument(help: ArgumentHelp("Settings, NAME=VALUE.", valueName: "setting"))
  var settings: [String] = []

  @Option(name: .long, help: "The name of a setting to give no more; may come often.")
  var unset: [String] = []

  func validate() throws {
    guard !settings.isEmpty || !unset.isEmpty else {
      throw ValidationError("write a setting, or --unset NAME")
    }
  }

  func run() throws {
    try options.print(
      try options.ask(InstanceRestartRequest(name: name, settings: settings, unset: unset)))
  }
}

struct InstanceListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the branches that have a PostgreSQL.",
    discussion: """
      JSON: \(InstanceListRequest.keys).

      Example:
        coppice pg list
      """)

  @OptionGroup var options: StoreArguments

  func run() throws { try options.print(try options.ask(InstanceListRequest())) }
}

struct InstanceURLCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "url", abstract: "Print how clients reach the PostgreSQL of a branch.",
    discussion: """
      The text has the password: keep it from logs.

      JSON: \(InstanceShowRequest.keys).

      Examples:
        psql "$(coppice pg url pr-42)"
        coppice pg url pr-42 --database app
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The branch.")
  var name: String

  @Option(name: .long, help: "Another database than its usual.")
  var database: String?

  @Flag(name: .long, help: "Print lines for a shell instead.")
  var export = false

  func run() throws {
    let answer = try options.ask(InstanceShowRequest(name: name, database: database))
    if options.json {
      try options.print(answer)
    } else if export {
      try Output.write(bytes: answer.connection.shellLines)
    } else {
      try Output.write(bytes: Array("\(Output.printable(answer.url ?? ""))\n".utf8))
    }
  }
}

struct InstanceClientCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "psql", abstract: "Run psql on the PostgreSQL of a branch.",
    discussion: """
      What stands behind -- is for psql. Ends with its status.

      Examples:
        coppice pg psql pr-42
        coppice pg psql pr-42 -- -c 'SELECT count(*) FROM accounts'
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The branch.")
  var name: String

  @Argument(parsing: .postTerminator, help: "For psql.")
  var arguments: [String] = []

  func run() throws {
    let answer = try options.ask(InstanceShowRequest(name: name))
    let failure = HostProcess.become("psql", arguments, adding: answer.connection.variables)
    throw StoreError(
      .notFound, "the program psql cannot be started", object: name,
      remedy: "install it (Debian: `apt install postgresql-client`)", cause: failure.description)
  }
}

struct InstanceLogsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logs", abstract: "Print what the PostgreSQL of a branch printed last.",
    discussion: """
      At most 16 MiB are kept, for as long as the machine runs. It may have data of the branch.

      JSON: \(InstanceLogRequest.keys).

      Example:
        coppice pg logs pr-42
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The branch.")
  var name: String

  @Option(name: .long, help: ArgumentHelp("How much of it, 1M at most.", valueName: "size"))
  var bytes: ByteCount?

  func run() throws {
    try options.print(
      try options.ask(InstanceLogRequest(name: name, byteCount: bytes?.value)))
  }
}

extension InstanceReport: Reply {
  var text: String {
    let name = Output.printable(name)
    let lines = message.map { "  note: \(Output.printable($0))\n" } ?? ""
    return "\(name): \(state.rawValue), port \(port)\n" + lines
  }
}

extension InstanceListRequest.Answer: Reply {
  var text: String {
    guard !instances.isEmpty else { return "No branch has a PostgreSQL\n" }
    var table = TextTable(
      ("branch", .left), ("state", .left), ("version", .right), ("port", .right),
      ("database", .left), ("login", .left), ("clients", .right), ("isolation", .left))
    for instance in instances {
      table.add(
        instance.name, instance.state.rawValue, "\(instance.major)", "\(instance.port)",
        instance.database, instance.login, "\(instance.connectionCount)",
        instance.isolation.rawValue)
    }
    var lines = table.text.split(separator: "\n").map { "\($0)\n" }
    for (row, instance) in instances.enumerated().reversed() {
      guard let message = instance.message else { continue }
      // Behind its row; the first line is the head.
      lines.insert("  note: \(Output.printable(message))\n", at: row + 2)
    }
    return lines.joined()
  }
}

extension InstanceLogRequest.Answer: Reply {
  var text: String { log }
}
