internal import ArgumentParser
internal import CoppiceLifecycle
internal import CoppiceServer

struct BranchRestoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Bring a deleted branch or snapshot back.",
    discussion: """
      A branch must still be listed by 'coppice branch list --state deleted', a snapshot by \
      'coppice snapshot list --state deleted'. Of several of a name the one comes back that was \
      deleted last. A lifetime begins anew; an end that was given as a time is gone.

      JSON: \(BranchRestoreRequest.keys).

      Example:
        coppice branch restore experiment
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The deleted branch or snapshot.")
  var name: String

  @Option(name: .long, help: "Bring it back under this name.")
  var `as`: String?

  @Option(name: .long, help: "How long it lives from now on.")
  var ttl: TimeSpan?

  func run() throws {
    let answer = try options.perform(
      BranchRestoreRequest(name: name, newName: `as`, ttlSeconds: ttl?.seconds))
    try options.print(EntriesReply(answer, "Restored"))
  }
}
