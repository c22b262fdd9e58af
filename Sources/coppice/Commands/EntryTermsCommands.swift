internal import ArgumentParser
internal import CoppiceLifecycle
internal import Coppice
internal import CoppicePlatform
internal import CoppiceServer

// Each of these is a verb of branches and of snapshots.

struct RenewCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "renew", abstract: "Give branches and snapshots more time.",
    discussion: """
      Without --ttl or --expires a lifetime begins anew, and so does the period of a lease. What \
      has expired is live again. An end that was given as a time stays; where it is past, name \
      another.

      With a command behind -- its program runs, and they are renewed at each third of the lease \
      until it ends; the status is that of the program, or 128 and the number of the signal that \
      ended it.

      JSON: \(RenewRequest.keys).

      Examples:
        coppice branch renew pr-42 --ttl 3d
        coppice branch renew pr-42 --lease 10m -- make test
      """)

  @OptionGroup var options: StoreArguments

  @Option(name: .long, help: "How long they live from now on.")
  var ttl: TimeSpan?

  @Option(name: .long, help: "When they end, as 2026-11-23T03:10:00Z.")
  var expires: TimeArgument?

  @Option(name: .long, help: "How often they are to be renewed from now on.")
  var lease: TimeSpan?

  @Argument(
    help: ArgumentHelp(
      "The branches and snapshots; behind -- a program with its arguments.", valueName: "name"))
  var words: [String]

  /// What stands behind `--`, which ends the options for the parser and nothing else.
  private var command: [String] {
    let arguments = HostProcess.arguments
    guard let end = arguments.firstIndex(of: "--") else { return [] }
    return Array(arguments[(end + 1)...])
  }

  private var names: [String] { Array(words.dropLast(command.count)) }

  func validate() throws {
    guard !names.isEmpty else { throw ValidationError("name a branch or snapshot to renew") }
    guard ttl == nil || expires == nil else {
      throw ValidationError("write --ttl or --expires, not both")
    }
  }

  func run() throws {
    let request = RenewRequest(
      names: names, ttlSeconds: ttl?.seconds, expiresAt: expires?.time,
      leaseSeconds: lease?.seconds)
    guard !command.isEmpty else {
      return try options.print(TermsReply(try options.perform(request), "Renewed"))
    }
    throw ExitCode(try RenewedProgram(command, request, options).run())
  }
}

struct ProtectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "protect",
    abstract: "Keep branches and snapshots from being deleted or replaced.",
    discussion: """
      Until then nobody deletes, resets or replaces them, with --force neither, and they do not \
      end by themselves. They can be written to. Without an end it is for 30 days: protection \
      that nobody remembers fills disks. Whoever is refused is told the reason.

      JSON: \(ProtectRequest.keys).

      Example:
        coppice branch protect prod --for 12w --reason 'audit of 2026'
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The branches and snapshots.")
  var names: [String]

  @Option(name: .customLong("for"), help: "For how long. Default: 30d.")
  var duration: TimeSpan?

  @Option(name: .long, help: "Until when, as 2026-11-23T03:10:00Z.")
  var until: TimeArgument?

  @Flag(name: .long, help: "Until 'unprotect'.")
  var forEver = false

  @Option(name: .long, help: ArgumentHelp("Why, for others to read.", valueName: "text"))
  var reason: String?

  func validate() throws {
    guard [duration != nil, until != nil, forEver].count(where: { $0 }) <= 1 else {
      throw ValidationError("write --for, --until or --for-ever, one of them")
    }
  }

  func run() throws {
    let answer = try options.perform(
      ProtectRequest(
        names: names, forSeconds: duration?.seconds, until: until?.time, forEver: forEver,
        reason: reason))
    try options.print(TermsReply(answer, "Protected"))
  }
}

struct UnprotectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unprotect", abstract: "Take protection away from branches and snapshots.",
    discussion: """
      JSON: \(UnprotectRequest.keys).

      Example:
        coppice branch unprotect prod
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The branches and snapshots.")
  var names: [String]

  func run() throws {
    let answer = try options.perform(UnprotectRequest(names: names))
    try options.print(TermsReply(answer, "No longer protected:"))
  }
}

struct LabelCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "label", abstract: "Set and remove labels of a branch or snapshot.",
    discussion: """
      A label is KEY=VALUE; it takes the place of one with that key. There are at most \
      \(Labels.countMax), keys have up to \(Labels.keyByteCountMax) bytes and values \
      \(Labels.valueByteCountMax).

      JSON: \(LabelRequest.keys).

      Example:
        coppice branch label pr-42 team=billing pr=42 --remove draft
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The branch or snapshot.")
  var name: String

  @Argument(help: "KEY=VALUE.")
  var labels: [String] = []

  @Option(
    name: .long, help: ArgumentHelp("A label that goes; may come often.", valueName: "key"))
  var remove: [String] = []

  func validate() throws {
    guard !labels.isEmpty || !remove.isEmpty else {
      throw ValidationError("name labels to set as KEY=VALUE, or one to remove with --remove")
    }
  }

  func run() throws {
    let answer = try options.perform(LabelRequest(name: name, labels: labels, remove: remove))
    try options.print(TermsReply(answer, "Labelled"))
  }
}

struct OwnerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "owner", abstract: "Give a branch or snapshot to someone.",
    discussion: """
      JSON: \(OwnerRequest.keys).

      Example:
        coppice branch owner pr-42 ana
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The branch or snapshot.")
  var name: String

  @Argument(help: "Whose it is.")
  var owner: String

  func run() throws {
    let answer = try options.perform(OwnerRequest(name: name, owner: owner))
    try options.print(TermsReply(answer, "Given to \(Output.printable(owner)):"))
  }
}

struct ExpireCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "expire", abstract: "Stop and hide branches until they are renewed.",
    discussion: """
      Nobody writes to them, mounts and lists do not show them, and their names and content stay. \
      'coppice branch renew' brings them back.

      JSON: \(ExpireRequest.keys).

      Example:
        coppice branch expire pr-42
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The branches.")
  var names: [String]

  @Flag(name: .long, help: "Also while files of them are open: these are stale then.")
  var force = false

  func run() throws {
    let answer = try options.perform(ExpireRequest(names: names, force: force))
    try options.print(TermsReply(answer, "Expired"))
  }
}

/// What became of the terms of some entries.
struct TermsReply: Reply {
  private let answer: TermsAnswer
  private let verb: String

  init(_ answer: TermsAnswer, _ verb: String) {
    self.answer = answer
    self.verb = verb
  }

  func encode(to encoder: any Encoder) throws { try answer.encode(to: encoder) }

  var text: String {
    answer.entries.map { entry in
      let terms = entry.terms
      return "\(verb) \(Output.printable(entry.name))\(terms.isEmpty ? "" : ": \(terms)")\n"
    }.joined()
  }
}
