internal import ArgumentParser
internal import Coppice

struct BranchResetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reset", abstract: "Make a branch what another branch or a snapshot is.",
    discussion: """
      What the branch held is gone unless --keep-old keeps it under another name. \
      JSON: name, to, keptAs, isDryRun.

      Example:
        coppice branch reset experiment --to main --keep-old experiment-1
      """)

  @OptionGroup var options: StoreOptions

  @Argument(help: "The branch.")
  var name: String

  @Option(name: .long, help: "The branch or snapshot it becomes like.")
  var to: String

  @Option(name: .long, help: "Keep what the branch was under this name.")
  var keepOld: String?

  @Flag(name: .long, help: "Check everything, but change nothing.")
  var dryRun = false

  func run() throws {
    try options.withStore(isReadOnly: dryRun) { store in
      if dryRun {
        _ = try store.branch(name)
        _ = try store.entry(to)
      } else {
        try store.reset(name, to: to, keepingOldAs: keepOld)
      }
    }
    try options.print(Answer(name: name, to: to, keptAs: keepOld, isDryRun: dryRun))
  }

  struct Answer: Reply {
    var name: String
    var to: String
    var keptAs: String?
    var isDryRun: Bool

    var text: String {
      let verb = isDryRun ? "Would reset" : "Reset"
      let kept = keptAs.map { ", its old state kept as \(Output.printable($0))" } ?? ""
      return "\(verb) \(Output.printable(name)) to \(Output.printable(to))\(kept)\n"
    }
  }
}
