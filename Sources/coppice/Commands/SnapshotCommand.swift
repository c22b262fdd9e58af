internal import ArgumentParser
internal import Coppice

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
    ])
}

struct SnapshotCreateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Keep the state of a branch.",
    discussion: """
      JSON: entries, isDryRun.

      Example:
        coppice snapshot create main@before-migration
      """)

  @OptionGroup var options: StoreOptions

  @Argument(help: "BRANCH@NAME.")
  var name: String

  func run() throws {
    try options.withStore(isReadOnly: false) { store in
      _ = try store.createSnapshot(name)
    }
    try options.print(EntriesAnswer([name], "Made"))
  }
}

struct SnapshotListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the snapshots, of one branch or of all.",
    discussion: """
      JSON: snapshots, each with name, isSnapshot, isDeleted, created, deleted, parent.

      Example:
        coppice snapshot list main
      """)

  @OptionGroup var options: StoreOptions

  @Argument(help: "The branch. Default: all.")
  var branch: String?

  func run() throws {
    let answer = try options.withStore(isReadOnly: true) { store in
      if let branch { _ = try store.branch(branch) }
      let entries = try store.entries(includingDeleted: false).filter { entry in
        entry.isSnapshot && (branch.map { entry.name.hasPrefix("\($0)@") } ?? true)
      }
      return Answer(entries)
    }
    try options.print(answer)
  }

  struct Answer: Reply {
    var snapshots: [EntryAnswer]
    private var table: String

    init(_ entries: [EntryInfo]) {
      snapshots = entries.map(EntryAnswer.init)
      table = entries.table
    }

    private enum CodingKeys: String, CodingKey { case snapshots }

    var text: String { table }
  }
}

struct SnapshotDeleteCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Delete snapshots.",
    discussion: """
      JSON: entries, isDryRun.

      Example:
        coppice snapshot delete main@monday main@tuesday
      """)

  @OptionGroup var options: StoreOptions

  @Argument(help: "The snapshots, each as BRANCH@NAME.")
  var names: [String]

  @Flag(name: .long, help: "Check everything, but delete nothing.")
  var dryRun = false

  func run() throws {
    try options.withStore(isReadOnly: dryRun) { store in
      for name in names { _ = try store.snapshot(name) }
      if !dryRun { try store.delete(names) }
    }
    try options.print(
      EntriesAnswer(names, dryRun ? "Would delete" : "Deleted", isDryRun: dryRun))
  }
}
