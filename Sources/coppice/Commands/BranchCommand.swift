internal import ArgumentParser
internal import Coppice

struct BranchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "branch", abstract: "Make, list, move and delete branches.",
    discussion: """
      Making a branch of another takes one write to the journal, whatever the other holds.

      Example:
        coppice branch create experiment --from main
      """,
    subcommands: [
      BranchCreateCommand.self, BranchListCommand.self, BranchShowCommand.self,
      BranchDeleteCommand.self, BranchRenameCommand.self, BranchResetCommand.self,
      BranchRestoreCommand.self,
    ])
}

/// A branch or snapshot as commands answer with it.
struct EntryAnswer: Encodable {
  var name: String
  var isSnapshot: Bool
  var isDeleted: Bool
  var created: String
  var deleted: String?
  /// What it was made from; a note only, that entry may be gone.
  var parent: String?

  init(_ entry: EntryInfo) {
    name = entry.name
    isSnapshot = entry.isSnapshot
    isDeleted = entry.isDeleted
    created = Output.time(entry.created)
    deleted = entry.deleted.map(Output.time)
    parent = entry.parent
  }
}

/// What happened to some entries.
struct EntriesAnswer: Reply {
  var entries: [String]
  var isDryRun: Bool
  private var verb: String

  /// `verb` as in `Deleted`; with `isDryRun`, as in `Would delete`.
  init(_ entries: [String], _ verb: String, isDryRun: Bool = false) {
    self.entries = entries
    self.verb = verb
    self.isDryRun = isDryRun
  }

  private enum CodingKeys: String, CodingKey { case entries, isDryRun }

  var text: String { entries.map { "\(verb) \(Output.printable($0))\n" }.joined() }
}

extension [EntryInfo] {
  /// A table of entries, newest state last.
  var table: String {
    var table = TextTable(("name", .left), ("created", .left), ("from", .left), ("state", .left))
    for entry in self {
      let state = entry.deleted.map { "deleted \(Output.time($0))" } ?? ""
      table.add(entry.name, Output.time(entry.created), entry.parent ?? "", state)
    }
    return table.text
  }
}
