internal import ArgumentParser
internal import Coppice

struct BranchListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the branches.",
    discussion: """
      JSON: branches, each with name, isSnapshot, isDeleted, created, deleted, parent.

      Example:
        coppice branch list --deleted
      """)

  @OptionGroup var options: StoreOptions

  @Flag(name: .long, help: "List the deleted branches that can still be restored.")
  var deleted = false

  func run() throws {
    let answer = try options.withStore(isReadOnly: true) { store in
      Answer(
        try store.entries(includingDeleted: deleted)
          .filter { !$0.isSnapshot && $0.isDeleted == deleted })
    }
    try options.print(answer)
  }

  struct Answer: Reply {
    var branches: [EntryAnswer]
    private var table: String

    init(_ entries: [EntryInfo]) {
      branches = entries.map(EntryAnswer.init)
      table = entries.table
    }

    private enum CodingKeys: String, CodingKey { case branches }

    var text: String { table }
  }
}
