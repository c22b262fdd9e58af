internal import ArgumentParser
internal import CoppiceLifecycle
internal import Coppice
internal import CoppiceServer

struct BranchListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the branches.",
    discussion: """
      Without --state those that are live. Snapshots, deleted ones too, are listed by 'coppice \
      snapshot list'.

      JSON: \(BranchListRequest.keys).

      Examples:
        coppice branch list --state deleted
        coppice branch list --label team=billing --expiring 1d
      """)

  @OptionGroup var options: StoreArguments

  @Option(name: .long, help: "Those in this state: live, expired, deleted, or all.")
  var state: EntryChoiceArgument?

  @Option(
    name: .long, help: ArgumentHelp("Only with this label; may come often.", valueName: "label"))
  var label: [String] = []

  @Option(name: .long, help: "Only those of this owner.")
  var owner: String?

  @Option(name: .long, help: "Only those that end, or must be renewed, within so long.")
  var expiring: TimeSpan?

  func run() throws {
    try options.print(
      try options.perform(
        BranchListRequest(
          state: state?.choice, labels: label, owner: owner, expiringSeconds: expiring?.seconds)))
  }
}

struct EntryChoiceArgument: ExpressibleByArgument {
  var choice: EntryChoice

  init?(argument: String) {
    guard let choice = EntryChoice(rawValue: argument) else { return nil }
    self.choice = choice
  }

  var defaultValueDescription: String { choice.rawValue }
}

extension BranchListRequest.Answer: Reply {
  var text: String { branches.table }
}
