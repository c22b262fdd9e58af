internal import ArgumentParser
internal import Coppice
internal import CoppiceInstances
internal import CoppiceServer

struct ClusterPrepareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prepare",
    abstract: "Make a snapshot on which a PostgreSQL starts at once.",
    discussion: """
      Of a branch or snapshot with a data directory, which stays as it is. The snapshot's cluster \
      is recovered and ended in order; slots, prepared transactions and enabled subscriptions are \
      gone, and so are the origin's configuration, passwords of roles, options of user mappings \
      and connection strings of subscriptions. It is not approved by this.

      JSON: \(ClusterPrepareRequest.keys).

      Example:
        coppice pg prepare main main@prepared
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The branch or snapshot.")
  var reference: String

  @Argument(help: "The snapshot, BRANCH@NAME.")
  var snapshot: String

  @OptionGroup var preparation: PreparationArguments

  func run() throws {
    try options.print(
      try options.perform(
        ClusterPrepareRequest(
          reference: reference, snapshot: snapshot, preparation: try preparation.preparation()),
        showing: "prepare"))
  }
}

extension ClusterPrepareRequest.Answer: Reply {
  var text: String {
    var text = "Made \(Output.printable(addition.snapshot)): PostgreSQL \(report.major), "
    text += "timeline \(report.timeline), checkpoint \(report.checkpoint)\n"
    for (what, names) in [
      ("left out", report.leftOut), ("rolled back", report.rolledBack),
      ("disabled", report.subscriptions), ("without password", report.roles),
    ] where !names.isEmpty {
      text += "  \(what): \(names.map(Output.printable).joined(separator: ", "))\n"
    }
    return text
  }
}

struct ClusterCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Look whether a PostgreSQL is fit to be a source of branches.",
    discussion: """
      SOURCE is postgres:SERVICE, a section of the connection service file of the store's owner, \
      or a branch or snapshot with a data directory, of which a fork is looked at. Findings in \
      capital letters stop a baseline of it: \(Self.stopping). Exits with 2 when anything is found.

      JSON: \(ClusterCheckRequest.keys).

      Example:
        coppice pg check postgres:prod
      """)

  private static let stopping =
    "MAJOR-MISSING, BLOCK-SIZE, EXTENSION-MISSING, COLLATION-VERSION, TABLESPACES, "
    + "SUPERUSER-SHUT-OUT, TEMPLATE-CLOSED"

  @OptionGroup var options: StoreArguments

  @Argument(help: "postgres:SERVICE, or a branch or snapshot.")
  var source: String

  func run() throws {
    let answer = try options.perform(ClusterCheckRequest(source: source), showing: "check")
    try options.print(answer)
    if !answer.findings.isEmpty { throw ExitCode(ExitStatus.finding.rawValue) }
  }
}

extension ClusterCheckRequest.Answer: Reply {
  var text: String {
    guard !findings.isEmpty else { return "Nothing found\n" }
    return findings.map { finding in
      let place = finding.database.map { " in \(Output.printable($0))" } ?? ""
      return "\(finding.code)\(place): \(Output.printable(finding.message))\n"
    }.joined()
  }
}
