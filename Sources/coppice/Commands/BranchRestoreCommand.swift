internal import ArgumentParser
internal import CoppiceServer

struct BranchRestoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Bring a deleted branch or snapshot back.",
    discussion: """
      It must still be listed by 'coppice branch list --deleted'.

      JSON: \(BranchRestoreRequest.keys).

      Example:
        coppice branch restore experiment
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The deleted branch or snapshot.")
  var name: String

  @Option(name: .long, help: "Bring it back under this name.")
  var `as`: String?

  func run() throws {
    let answer = try options.perform(BranchRestoreRequest(name: name, newName: `as`))
    try options.print(EntriesReply(answer, "Restored"))
  }
}
