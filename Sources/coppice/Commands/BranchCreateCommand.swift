internal import ArgumentParser
internal import CoppiceServer

struct BranchCreateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Make a branch of another branch, of a snapshot, or empty.",
    discussion: """
      JSON: name, from (null for an empty branch), isNew.

      Example:
        coppice branch create experiment --from main@monday
      """)

  @OptionGroup var options: StoreOptions

  @Argument(help: "The new branch's name.")
  var name: String

  @Option(name: .long, help: "The branch or snapshot to start from. Default: empty.")
  var from: String?

  @Flag(name: .long, help: "Do nothing when the branch exists.")
  var orExisting = false

  func run() throws {
    try options.print(
      try options.perform(BranchCreateRequest(name: name, from: from, orExisting: orExisting)))
  }
}

extension BranchCreateRequest.Answer: Reply {
  var text: String {
    guard isNew else { return "\(Output.printable(name)) exists\n" }
    let origin = from.map { "from \(Output.printable($0))" } ?? "empty"
    return "Made \(Output.printable(name)), \(origin)\n"
  }
}
