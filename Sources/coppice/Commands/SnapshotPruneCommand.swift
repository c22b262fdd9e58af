internal import ArgumentParser
internal import Coppice
internal import CoppiceLifecycle
internal import CoppiceServer

struct SnapshotPruneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prune", abstract: "Delete the snapshots that no keep rule keeps.",
    discussion: """
      Rules are restic's, with its results: the last ones; the newest of each hour, day, ISO week, \
      month or year that has one, that many; all that are less than so much older than the newest. \
      What any rule keeps stays; what is protected or approved does too. -1 keeps all of a rule. \
      Periods are those of UTC. Each branch is looked at by itself.

      JSON: \(SnapshotPruneRequest.keys). freedByteCount is what nothing keeps any more once the \
      set is gone for good.

      Example:
        coppice snapshot prune main --keep-daily 7 --keep-weekly 5 --dry-run
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The branch. Default: all.")
  var branch: String?

  @OptionGroup var rules: KeepArguments

  @Flag(name: .long, help: "Say what would be deleted, and delete nothing.")
  var dryRun = false

  func run() throws {
    var request = SnapshotPruneRequest(branch: branch, dryRun: dryRun)
    rules.apply(to: &request)
    try options.print(try options.perform(request))
  }
}

extension SnapshotPruneRequest.Answer: Reply {
  var text: String {
    let verb = isDryRun ? "Would delete" : "Deleted"
    let gone = deleted.map { "\(verb) \(Output.printable($0))\n" }.joined()
    let left = kept.map {
      "Kept \(Output.printable($0.name)): \($0.reasons.joined(separator: ", "))\n"
    }.joined()
    let freed =
      deleted.isEmpty
      ? "" : "Once they are gone for good this frees \(Output.bytes(freedByteCount))\n"
    return gone + left + freed
  }
}
