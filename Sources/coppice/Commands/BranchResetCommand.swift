internal import ArgumentParser
internal import CoppiceServer

struct BranchResetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reset", abstract: "Make a branch what another branch or a snapshot is.",
    discussion: """
      What the branch held is gone unless --keep-old keeps it under another name, as a branch that \
      ends after a day unless it is renewed. A branch with \
      open files needs --force: what has them open gets errors from then on. What it becomes is \
      what a power cut at this moment would leave of the other: see 'coppice branch create', also \
      for --postgres and --keep-links.

      JSON: \(BranchResetRequest.keys).

      Example:
        coppice branch reset experiment --to main --keep-old experiment-1
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The branch.")
  var name: String

  @Option(name: .long, help: "The branch or snapshot it becomes like.")
  var to: String

  @Option(name: .long, help: "Keep what the branch was under this name.")
  var keepOld: String?

  @Flag(name: .long, help: "Reset it also while files of it are open.")
  var force = false

  @Flag(name: .long, help: "Make PostgreSQL's data directories fit for a server of their own.")
  var postgres = false

  @Flag(name: .long, help: "With --postgres: keep links that lead out of the branch.")
  var keepLinks = false

  @Flag(name: .long, help: "Check everything, but change nothing.")
  var dryRun = false

  func validate() throws {
    guard postgres || !keepLinks else { throw ValidationError("--keep-links needs --postgres") }
  }

  func run() throws {
    try options.print(
      try options.perform(
        BranchResetRequest(
          name: name, to: to, keepOld: keepOld, force: force, dryRun: dryRun, postgres: postgres,
          keepLinks: keepLinks)))
  }
}

extension BranchResetRequest.Answer: Reply {
  var text: String {
    let verb = isDryRun ? "Would reset" : "Reset"
    let kept = keptAs.map { ", its old state kept as \(Output.printable($0))" } ?? ""
    let lines = notes.map { "  note: \(Output.printable($0))\n" }.joined()
    return "\(verb) \(Output.printable(name)) to \(Output.printable(to))\(kept)\n\(lines)"
  }
}
