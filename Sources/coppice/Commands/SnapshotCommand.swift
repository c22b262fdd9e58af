internal import ArgumentParser
internal import Coppice
internal import CoppiceServer

struct SnapshotCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "snapshot", abstract: "Make, list and delete snapshots.",
    discussion: """
      A snapshot is a state of a branch under a name of its own, written BRANCH@NAME. It never \
      changes.

      Example:
        coppice snapshot create main@monday
      """,
    subcommands: [
      SnapshotCreateCommand.self, SnapshotListCommand.self, SnapshotDeleteCommand.self,
      SnapshotPruneCommand.self,
      RenewCommand.self, ProtectCommand.self, UnprotectCommand.self, LabelCommand.self,
      OwnerCommand.self,
    ])
}

struct SnapshotCreateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Keep the state of a branch.",
    discussion: """
      JSON: \(SnapshotCreateRequest.keys).

      Example:
        coppice snapshot create main@before-migration
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "BRANCH@NAME.")
  var name: String

  @Flag(name: .long, help: "First write what the kernel holds back of files in a mount.")
  var sync = false

  @OptionGroup var terms: TermsArguments

  func run() throws {
    let answer = try options.perform(
      SnapshotCreateRequest(name: name, sync: sync, terms: terms.terms))
    try options.print(EntriesReply(answer, "Made"))
  }
}

struct SnapshotListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the snapshots, of one branch or of all.",
    discussion: """
      Without --state those that are live or expired. Deleted ones 'coppice branch restore' brings \
      back.

      JSON: \(SnapshotListRequest.keys).

      Examples:
        coppice snapshot list main
        coppice snapshot list --state deleted
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The branch. Default: all.")
  var branch: String?

  @Option(name: .long, help: "Those in this state: live, expired, deleted, or all.")
  var state: EntryChoiceArgument?

  func run() throws {
    try options.print(
      try options.perform(SnapshotListRequest(branch: branch, state: state?.choice)))
  }
}

extension SnapshotListRequest.Answer: Reply {
  var text: String { snapshots.table }
}

struct SnapshotDeleteCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Delete snapshots.",
    discussion: """
      One with open files needs --force: what has them open gets errors from then on.

      JSON: \(SnapshotDeleteRequest.keys).

      Example:
        coppice snapshot delete main@monday main@tuesday
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The snapshots, each as BRANCH@NAME.")
  var names: [String]

  @Flag(name: .long, help: "Delete snapshots also while files of them are open.")
  var force = false

  @Flag(name: .long, help: "Check everything, but delete nothing.")
  var dryRun = false

  func run() throws {
    let answer = try options.perform(
      SnapshotDeleteRequest(names: names, force: force, dryRun: dryRun))
    try options.print(EntriesReply(answer, dryRun ? "Would delete" : "Deleted"))
  }
}
