internal import ArgumentParser
internal import CoppiceServer

struct BranchDeleteCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Delete branches.",
    discussion: """
      A deleted branch can be restored as long as 'coppice branch list --deleted' shows it. A branch \
      with snapshots needs --snapshots, which deletes them too; one with open files needs --force: what \
      has them open gets errors from then on. JSON: entries, isDryRun.

      Example:
        coppice branch delete experiment trial-7
      """)

  @OptionGroup var options: StoreOptions

  @Argument(help: "The branches.")
  var names: [String]

  @Flag(name: .long, help: "Do not mind branches that do not exist.")
  var ifExists = false

  @Flag(name: .long, help: "Delete the branches' snapshots too.")
  var snapshots = false

  @Flag(name: .long, help: "Delete branches also while files of them are open.")
  var force = false

  @Flag(name: .long, help: "Say what would be deleted, and delete nothing.")
  var dryRun = false

  func run() throws {
    let answer = try options.perform(
      BranchDeleteRequest(
        names: names, ifExists: ifExists, snapshots: snapshots, force: force, dryRun: dryRun))
    try options.print(EntriesReply(answer, dryRun ? "Would delete" : "Deleted"))
  }
}
