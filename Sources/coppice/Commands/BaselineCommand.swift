internal import ArgumentParser
internal import Coppice
internal import CoppiceServer

struct BaselineCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "baseline", abstract: "Register what branches are made of, and approve it.",
    discussion: """
      A baseline is a registered source of branches: a work branch of its name, which is brought \
      up to date, snapshots of that which were approved, and rules: who may make branches of it, \
      how old a snapshot may be, how many branches there may be and for how long. NAME@newest \
      stands for the approved snapshot that was made last, wherever a command takes a REF.

      The rules bind nobody yet. They are for users with tokens, of whom there are none: whoever \
      has the store, its own user and root, may make branches of anything.

      A branch of an approved snapshot keeps what it came from, and so do its own. An approved \
      snapshot cannot be deleted or renamed until the baseline is retired.

      Example:
        coppice baseline add prod --from directory:/var/lib/postgresql/15/main --ttl-max 2w
        coppice snapshot create prod@monday
        coppice baseline approve prod@monday
        coppice branch create trial --from prod@newest
      """,
    subcommands: [
      BaselineAddCommand.self, BaselineApproveCommand.self, BaselineListCommand.self,
      BaselineShowCommand.self, BaselineRetireCommand.self,
      BaselineRefreshCommand.self,
    ])
}

struct BaselineListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the baselines.",
    discussion: """
      JSON: \(BaselineListRequest.keys).

      Example:
        coppice baseline list
      """)

  @OptionGroup var options: StoreArguments

  func run() throws { try options.print(try options.perform(BaselineListRequest())) }
}

extension BaselineListRequest.Answer: Reply {
  var text: String {
    var table = TextTable(
      ("name", .left), ("class", .left), ("newest", .left), ("age", .right), ("branches", .right),
      ("state", .left))
    for baseline in baselines {
      table.add(
        baseline.name, baseline.class, baseline.newest ?? "",
        baseline.ageSeconds.map(Output.age) ?? "", "\(baseline.childCount)",
        baseline.retiredAt.map { "retired \(Output.time($0))" } ?? "")
    }
    return table.text
  }
}

struct BaselineShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Tell what is known of a baseline.",
    discussion: """
      An attestation is the hash of a file with which somebody said of what class the content is. \
      It is his word: nothing proves it.

      JSON: \(BaselineShowRequest.keys).

      Example:
        coppice baseline show prod
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The baseline.")
  var name: String

  func run() throws { try options.print(try options.perform(BaselineShowRequest(name: name))) }
}

extension BaselineShowRequest.Answer: Reply {
  var text: String {
    let baseline = report
    var text = "\(Output.printable(baseline.name)), \(baseline.class)"
    text += baseline.domain == baseline.class ? "\n" : ", in \(Output.printable(baseline.domain))\n"
    text += "  from \(Output.printable(baseline.source)), which is \(addition.sourceClass)\n"
    if let retiredAt = baseline.retiredAt { text += "  retired \(Output.time(retiredAt))\n" }
    if let refresh = addition.refresh { text += "  refreshed \(refresh)\n" }
    if addition.isRefreshing { text += "  is being refreshed\n" }
    if let run = addition.runs.last {
      text += "  last refresh \(Output.time(run.startedAt)): \(run.outcome)"
      text += run.message.map { ", \(run.step): \(Output.printable($0))\n" } ?? "\n"
    }
    for rule in baseline.rules.lines { text += "  \(rule)\n" }
    let count = baseline.childCount
    text += "  \(count) live \(count == 1 ? "branch" : "branches")\n"
    for snapshot in addition.snapshots {
      text += "  \(Output.printable(snapshot.name)), made \(Output.time(snapshot.createdAt)), "
      text += "approved \(Output.time(snapshot.approvedAt)) by \(Output.printable(snapshot.by))"
      text += snapshot.attestation == nil ? "\n" : ", attested\n"
    }
    return text
  }
}

struct BaselineApproveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "approve", abstract: "Allow to make branches of a snapshot of a baseline.",
    discussion: """
      What is approved is the content: the hash of the snapshot's root is kept. Where the class of \
      the baseline is lower than that of its source, somebody must attest that the content is what \
      it is called: --attest names a file that says so, whose SHA-256 is kept. A snapshot that is \
      approved stays so, and gets another attestation where one is given. Then the approved \
      snapshots go that the baseline's keep rules let go, but for the newest.

      JSON: \(BaselineApproveRequest.keys).

      Example:
        coppice baseline approve prod@monday
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "NAME@SNAPSHOT.")
  var name: String

  @Option(
    name: .customLong("attest"),
    help: ArgumentHelp("A file that says of what class the content is.", valueName: "file"))
  var attestation: String?

  func run() throws {
    let held = try attestation.map { try HeldFile(source: $0) }
    try options.print(
      try options.perform(
        BaselineApproveRequest(name: name, attestation: held?.file), holding: held))
  }
}

extension BaselineApproveRequest.Answer: Reply {
  var text: String {
    "\(addition.isNew ? "Approved" : "Is approved:") \(Output.printable(report.name)), root "
      + "\(report.rootHash)\n"
      + addition.pruned.map { "Deleted \(Output.printable($0))\n" }.joined()
      + addition.notes.map { "  note: \(Output.printable($0))\n" }.joined()
  }
}

struct BaselineRetireCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "retire", abstract: "Make no more branches of a baseline.",
    discussion: """
      Its snapshots are no longer approved, and can be deleted like others. Branches that were \
      made of it live on, and so does the work branch.

      JSON: \(BaselineRetireRequest.keys).

      Example:
        coppice baseline retire prod --delete-snapshots
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The baseline.")
  var name: String

  @Flag(name: .long, help: "Delete the snapshots that were approved, too.")
  var deleteSnapshots = false

  func run() throws {
    try options.print(
      try options.perform(BaselineRetireRequest(name: name, deleteSnapshots: deleteSnapshots)))
  }
}

extension BaselineRetireRequest.Answer: Reply {
  var text: String {
    "Retired \(Output.printable(name))\n"
      + deleted.map { "Deleted \(Output.printable($0))\n" }.joined()
  }
}
