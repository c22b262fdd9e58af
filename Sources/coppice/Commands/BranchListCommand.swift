internal import ArgumentParser
internal import Coppice
internal import CoppiceServer

struct BranchListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the branches.",
    discussion: """
      JSON: \(BranchListRequest.keys).

      Example:
        coppice branch list --deleted
      """)

  @OptionGroup var options: StoreArguments

  @Flag(name: .long, help: "List the deleted branches that can still be restored.")
  var deleted = false

  func run() throws {
    try options.print(try options.perform(BranchListRequest(deleted: deleted)))
  }
}

extension BranchListRequest.Answer: Reply {
  var text: String { branches.table }
}
