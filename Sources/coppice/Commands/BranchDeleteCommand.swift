internal import ArgumentParser
internal import Coppice
internal import CoppiceServer

struct BranchDeleteCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Delete branches.",
    discussion: """
      A deleted branch can be restored as long as 'coppice branch list --state deleted' shows it. \
      A branch with snapshots needs --snapshots, which deletes them too; one with open files \
      needs --force: what has them open gets errors from then on. With --now the branches cannot \
      be restored, their space is given back at once, and the journal's records are overwritten \
      with zeros, so that no file of the store has what only they held, but for their names, by \
      which 'reclaim verify' finds them. What others share with them stays, and they are named: \
      forks, and what was deleted before and can be restored. A page that only they showed stays \
      too where a difference that another branch shows builds on it. What an export, another \
      reader or an import that is under way holds goes once that has ended, without being asked \
      for. Folders that 'coppice repair' left in the store are not touched: remove them. Once it \
      has begun a crash does not undo it: the next command that writes goes on, and until it is \
      through 'reclaim verify' says so.

      JSON: \(BranchDeleteRequest.keys). freedByteCount is what only they held, sharedByteCount \
      what stays (null where damage hides it), sharers who keep it; after a deletion \
      journalByteCount is what files of the journal may have of it still, held what readers and \
      imports hold until they end, basePageCount and baseByteCount what only they showed and stays \
      because differences build on it, repairFolders what may have bytes of it. Without --now \
      these and collection are null.

      Examples:
        coppice branch delete experiment trial-7
        coppice branch delete trial-7 --now --dry-run
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The branches.")
  var names: [String]

  @Flag(name: .long, help: "Do not mind branches that do not exist.")
  var ifExists = false

  @Flag(name: .long, help: "Delete the branches' snapshots too.")
  var snapshots = false

  @Flag(name: .long, help: "Delete branches also while files of them are open.")
  var force = false

  @Flag(
    name: .long, help: "Give the space back at once: the branches cannot be restored.")
  var now = false

  @Flag(name: .long, help: "Say what would be deleted, and delete nothing.")
  var dryRun = false

  func run() throws {
    let answer = try options.perform(
      BranchDeleteRequest(
        names: names, ifExists: ifExists, snapshots: snapshots, force: force, now: now,
        dryRun: dryRun))
    try options.print(answer)
  }
}

extension BranchDeleteRequest.Answer: Reply {
  var text: String {
    let verb = isDryRun ? "Would delete" : "Deleted"
    let lines = entries.map { "\(verb) \(Output.printable($0))\n" }.joined()
    guard let freedByteCount, !entries.isEmpty else { return lines }
    let freed = "\(isDryRun ? "Would free" : "Freed") \(Output.bytes(freedByteCount))\n"
    var left = ""
    if let journalByteCount, journalByteCount > 0 {
      left = CollectRequest.Answer.textOfJournal(journalByteCount) + "\n"
    }
    let kept = SpaceSharer.keeping(sharedByteCount ?? 0, sharers ?? [])
    for part in held ?? [] {
      left += "\(Output.bytes(part.byteCount)) is \(part.text), and goes once that has ended\n"
    }
    if let baseByteCount, baseByteCount > 0 {
      left += ReclaimRequest.Answer.text(ofBases: baseByteCount, basePageCount ?? 0) + "\n"
    }
    left += (repairFolders ?? []).map { ReclaimRequest.Answer.text(ofRepairFolder: $0) + "\n" }
      .joined()
    return lines + freed + kept + left + (collection?.text ?? "")
  }
}
