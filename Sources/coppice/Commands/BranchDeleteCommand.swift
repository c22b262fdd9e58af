internal import ArgumentParser
internal import Coppice

struct BranchDeleteCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Delete branches.",
    discussion: """
      A deleted branch can be restored as long as 'coppice branch list --deleted' shows it. A branch \
      with snapshots needs --snapshots, which deletes them too. JSON: entries, isDryRun.

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

  @Flag(name: .long, help: "Say what would be deleted, and delete nothing.")
  var dryRun = false

  func run() throws {
    let deleted = try options.withStore(isReadOnly: dryRun) { store in
      let plan = try store.deletionPlan(
        names, includingSnapshots: snapshots, ignoringMissing: ifExists)
      if let snapshot = names.first(where: { $0.contains("@") }) {
        throw StoreError(
          .invalid, "is a snapshot", object: snapshot,
          remedy: "delete it with 'coppice snapshot delete \(snapshot)'")
      }
      if !dryRun {
        try store.delete(names, includingSnapshots: snapshots, ignoringMissing: ifExists)
      }
      return plan
    }
    try options.print(
      EntriesAnswer(deleted, dryRun ? "Would delete" : "Deleted", isDryRun: dryRun))
  }
}
