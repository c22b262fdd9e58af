internal import ArgumentParser
internal import Coppice
internal import CoppiceLifecycle
internal import CoppiceServer

struct BackupPruneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prune", abstract: "Delete the copies of a branch that no keep rule keeps.",
    discussion: """
      Rules are those of 'coppice snapshot prune', by when states were taken. The newest copy \
      stays, and so does what is held, locked or in use. More than half of the copies are deleted \
      only with --force; likewise while the object store's clock and this machine's are an hour \
      apart.

      JSON: \(BackupPruneRequest.keys). notes say with --dry-run why it would be refused.

      Example:
        coppice backup prune offsite/main --keep-daily 7 --keep-weekly 5 --dry-run
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: ArgumentHelp("The branch in the pool.", valueName: "remote/branch"))
  var branch: PoolReference

  @OptionGroup var rules: KeepArguments

  @Flag(name: .long, help: "Say what would be deleted, and delete nothing.")
  var dryRun = false

  @Flag(name: .long, help: "Also more than half of the copies, and with clocks that are far apart.")
  var force = false

  func validate() throws { _ = try branch.copy() }

  func run() throws {
    var request = BackupPruneRequest(
      remote: branch.remote, copy: try branch.copy(), dryRun: dryRun, force: force)
    rules.apply(to: &request)
    try options.print(try options.perform(request))
  }
}

extension BackupPruneRequest.Answer: Reply {
  var text: String {
    let verb = isDryRun ? "Would delete" : "Deleted"
    let gone = deleted.map { "\(verb) \(Output.printable("\(remote)/\($0)"))\n" }.joined()
    let left = kept.map {
      "Kept \(Output.printable("\(remote)/\($0.name)")): \($0.reasons.joined(separator: ", "))\n"
    }.joined()
    let refusal = notes.map { "Without --force this is refused: \($0)\n" }.joined()
    return gone + left + refusal
  }
}
