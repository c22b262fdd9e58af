internal import ArgumentParser
internal import Coppice
internal import CoppiceLifecycle
internal import CoppicePlatform
internal import CoppiceServer
internal import Foundation

struct PolicyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy", abstract: "Say how long branches live, and see what ends.",
    discussion: """
      A policy is a JSON document with rules. The first rule that matches a branch's name, labels, \
      class and role says what a request gets that makes or renews it: ttlDefault, ttlMax, \
      leaseDefault, restoreWindow, limit, protectMax, weakIsolation (true: PostgreSQL may run on \
      what comes of a baseline of raw data also where it is not kept in its branch). Besides \
      there are ttlRequired (roles that make nothing without an end), expiredGrace (from expiry \
      to deletion, 24h), reaper (stepCount 20, stepPercent 1, massCount 10, massPercent 25) and \
      space (freeByteCount, freePercent). Without a policy nothing ends that was not given an end.

      Ends come by the store's server, which looks each ten seconds; without one 'run' looks once. \
      Of what is due at once it ends so many as the policy's caps say; where more than ten \
      branches and a quarter of all are due it does one a minute until somebody accepts that. A \
      clock that leaps pauses it.

      Example:
        echo '{"rules": [{"name": "pr-*", "ttlDefault": "3d", "ttlMax": "2w"}]}' > policy.json
        coppice policy set policy.json
      """,
    subcommands: [
      PolicyShowCommand.self, PolicySetCommand.self, PolicyTestCommand.self,
      PolicyRunCommand.self, PolicyPauseCommand.self, PolicyResumeCommand.self,
    ])
}

struct PolicyShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show the store's policy.",
    discussion: """
      JSON: \(PolicyShowRequest.keys).

      Example:
        coppice policy show > policy.json
      """)

  @OptionGroup var options: StoreArguments

  func run() throws { try options.print(try options.perform(PolicyShowRequest())) }
}

extension PolicyAnswer: Reply {
  var text: String { document }
}

struct PolicySetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "set", abstract: "Set the store's policy.",
    discussion: """
      First it says what would end at once, and asks; where nobody can be asked it wants --yes.

      JSON: \(PolicySetRequest.keys).

      Example:
        coppice policy set policy.json --if-match 8f4d...
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The document; - for standard input.")
  var file: String

  @Option(name: .long, help: "Only if this is the tag of the policy that holds now.")
  var ifMatch: String?

  @Flag(name: .long, help: "Do not ask.")
  var yes = false

  @Flag(name: .long, help: "Say what would end at once, and set nothing.")
  var dryRun = false

  func run() throws {
    let document = try Self.document(file)
    let plan = try options.perform(
      PolicySetRequest(document: document, ifMatch: ifMatch, dryRun: true))
    if dryRun { return try options.print(plan) }
    if !plan.addition.ends.isEmpty, !yes {
      let canAsk =
        StandardStream.standardInput.isTerminal && StandardStream.standardOutput.isTerminal
      guard !options.json, canAsk else {
        throw StoreError(
          .invalid, "ends \(plan.addition.ends.count) at once: \(plan.endsText)",
          object: "policy", remedy: "look at it with --dry-run, and say --yes")
      }
      Output.write("At once this ends \(plan.endsText). Set it? [y/N] ", to: .standardOutput)
      guard readLine() == "y" else { throw ExitCode(1) }
    }
    try options.print(
      try options.perform(PolicySetRequest(document: document, ifMatch: ifMatch)))
  }
}

extension PolicySetCommand {
  private static func document(_ file: String) throws -> String {
    let input = file == "-" ? FileHandle.standardInput : FileHandle(forReadingAtPath: file)
    guard let input, let bytes = try? input.readToEnd() ?? Data() else {
      throw StoreError(
        .notFound, "the document cannot be read", object: file,
        remedy: "name a file, or - for standard input")
    }
    guard let text = String(bytes: bytes, encoding: .utf8) else {
      throw StoreError(
        .invalid, "the document is not UTF-8", object: file, remedy: "write it in UTF-8")
    }
    return text
  }
}

extension PolicySetRequest.Answer: Reply {
  fileprivate var endsText: String {
    addition.ends.map(Output.printable).joined(separator: ", ")
  }

  var text: String {
    let verb = addition.isDryRun ? "Would set" : "Set"
    let notes = report.notes.map { "  note: \(Output.printable($0))\n" }.joined()
    let ends = addition.ends.isEmpty ? "" : "  at once it ends \(endsText)\n"
    return "\(verb) the policy \(report.etag)\n\(notes)\(ends)"
  }
}

struct PolicyTestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test", abstract: "Say which rule holds for a branch, and what it gives.",
    discussion: """
      The branch need not be there. Of one that is, its labels and class count; those that are \
      given come over them.

      JSON: \(PolicyTestRequest.keys).

      Example:
        coppice policy test pr-42 --label team=billing --role ci
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The branch, or BRANCH@SNAPSHOT.")
  var name: String

  @Option(
    name: .long, help: ArgumentHelp("With this label; may come often.", valueName: "label"))
  var label: [String] = []

  @Option(name: .customLong("class"), help: "Of this class: raw, masked, schema or none.")
  var dataClass: ClassArgument?

  @Option(name: .long, help: "Asked by this role. Default: admin.")
  var role: String?

  func run() throws {
    let request = PolicyTestRequest(
      name: name, labels: label, dataClass: dataClass.flatMap { DataClass(rawValue: $0.name) },
      role: role)
    try options.print(try options.perform(request))
  }
}

extension PolicyTestRequest.Answer: Reply {
  var text: String {
    func span(_ seconds: UInt64?) -> String? { seconds.map { "\(TimeSpan(seconds: $0))" } }
    let gifts: [(String, String?)] = [
      ("lives for", span(ttlDefaultSeconds)), ("at most", span(ttlMaxSeconds)),
      ("leased for", span(leaseDefaultSeconds)),
      ("can be restored for", span(restoreWindowSeconds)),
      ("can be protected for", span(protectMaxSeconds)),
      ("may add", maxStoredByteCount.map(Output.bytes)),
    ]
    let lines = gifts.compactMap { name, value in value.map { "  \(name) \($0)\n" } }.joined()
    let holder = rule.map { "\(Output.printable($0)) holds" } ?? "no rule holds"
    let weak = allowsWeakIsolation ? "  may run PostgreSQL without full isolation\n" : ""
    let end = isEndRequired ? "  \(role) makes nothing without an end\n" : ""
    return "\(Output.printable(name)): \(holder)\n\(lines)\(weak)\(end)"
  }
}

struct PolicyRunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "End what is due.",
    discussion: """
      JSON: \(PolicyRunRequest.keys).

      Examples:
        coppice policy run --dry-run
        coppice policy run --accept 40
      """)

  @OptionGroup var options: StoreArguments

  @Option(name: .long, help: "Let so many go that are due at once.")
  var accept: Int?

  @Flag(name: .long, help: "Say what would end, and end nothing.")
  var dryRun = false

  func run() throws {
    try options.print(try options.perform(PolicyRunRequest(accept: accept, dryRun: dryRun)))
  }
}

extension ReaperReport: Reply {
  var text: String {
    func lines(_ names: [String], _ done: String, _ planned: String) -> String {
      names.map { "\(isDryRun ? planned : done) \(Output.printable($0))\n" }.joined()
    }
    var text = lines(expired, "Expired", "Would expire")
    text += lines(deleted, "Deleted", "Would delete")
    text += lines(pruned, "Pruned", "Would prune")
    text += kept.map { "Kept \(Output.printable($0.name)): \(Output.printable($0.reason))\n" }
      .joined()
    text += failures.map {
      "Failed \(Output.printable($0.name)): \(Output.printable($0.message))\n"
    }
    .joined()
    text += PausesAnswer.text(pauses, pausedUntil)
    return text.isEmpty ? "Nothing is due\n" : text
  }
}

struct PolicyPauseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pause", abstract: "Have nothing end by itself for some time.",
    discussion: """
      JSON: \(PolicyPauseRequest.keys).

      Example:
        coppice policy pause --for 2h
      """)

  @OptionGroup var options: StoreArguments

  @Option(name: .customLong("for"), help: "For how long. Default: until 'resume'.")
  var span: TimeSpan?

  func run() throws {
    try options.print(try options.perform(PolicyPauseRequest(forSeconds: span?.seconds)))
  }
}

struct PolicyResumeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume", abstract: "End every pause, and take the clock as it is.",
    discussion: """
      JSON: \(PolicyResumeRequest.keys).

      Example:
        coppice policy resume
      """)

  @OptionGroup var options: StoreArguments

  func run() throws { try options.print(try options.perform(PolicyResumeRequest())) }
}

extension PausesAnswer: Reply {
  fileprivate static func text(_ pauses: [String], _ until: Timestamp?) -> String {
    let end = until.map { ", until \(Output.time($0))" } ?? ""
    return pauses.map { "Paused: \(Output.printable($0))\(end)\n" }.joined()
  }

  var text: String {
    pauses.isEmpty ? "Ends come\n" : Self.text(pauses, pausedUntil)
  }
}
