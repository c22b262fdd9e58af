internal import ArgumentParser
internal import Coppice
internal import CoppiceLifecycle
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
      for: --wait says how long to wait for that. Then every page and node is looked for: the \
      status is 0 when nothing is left, 2 when something is. What the branches had replaced or \
      removed before is garbage like any other: --erase takes that away too, with all garbage of \
      the store, which reads all of it. Folders that 'coppice repair' left in the store are not \
      touched: remove them. Once it has begun a crash does not undo it: the next command that \
      writes goes on, and until it is through 'reclaim verify' says so. A name that no branch has \
      any more means, with --now, all deleted branches of that name; with --snapshots their \
      deleted snapshots too, which else can be restored as long as they could.

      With --proof the file gets a signed proof of what became of the branch and the snapshots \
      that went with it, for 'coppice proof verify'; the store keeps it too, for 90 days. When the \
      file cannot be written nothing is deleted.

      JSON: \(BranchDeleteRequest.keys). freedByteCount is what only they held, sharedByteCount \
      what stays (null where damage hides it), sharers who keep it; after a deletion \
      journalByteCount is what files of the journal may have of it still, held what readers and \
      imports hold until they end, basePageCount and baseByteCount what only they showed and stays \
      because differences build on it, repairFolders what may have bytes of it, isReclaimed \
      whether nothing is left. Without --now these and collection are null. proof is null without \
      --proof, notes what is to be known of it.

      Examples:
        coppice branch delete experiment trial-7
        coppice branch delete --label pr=42 --if-exists
        coppice branch delete --label run=7 --yes --dry-run
        coppice branch delete trial-7 --now --dry-run
        coppice branch delete trial-7 --now --proof trial-7.json
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The branches.")
  var names: [String] = []

  @Option(
    name: .long,
    help: ArgumentHelp(
      "In place of names: all that have this label; may come often.", valueName: "label"))
  var label: [String] = []

  @Flag(
    name: .long,
    help: "Also when several have these labels; with --dry-run too, which ends as without it.")
  var yes = false

  @Flag(name: .long, help: "Do not mind branches that do not exist.")
  var ifExists = false

  @Flag(name: .long, help: "Delete the branches' snapshots too.")
  var snapshots = false

  @Flag(name: .long, help: "Delete branches also while files of them are open.")
  var force = false

  @Flag(
    name: .long, help: "Give the space back at once: the branches cannot be restored.")
  var now = false

  @Option(
    name: .long,
    help: ArgumentHelp(
      "With --now: how long to wait for readers and imports that hold some of it. Default: 10m.",
      valueName: "duration"))
  var wait: TimeSpan?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "With --now, of one branch: write a signed proof of what became of it.", valueName: "file"))
  var proof: String?

  @Flag(
    name: .long, help: "With --now: take away what the branches had replaced before, too.")
  var erase = false

  @Flag(name: .long, help: "Say what would be deleted, and delete nothing.")
  var dryRun = false

  func validate() throws {
    guard names.isEmpty != label.isEmpty else {
      throw ValidationError("name branches, or give labels that they have with --label")
    }
  }

  func run() throws {
    let file = try proof.map { path throws(StoreError) in try ProofFile(path) }
    let answer = try options.perform(
      BranchDeleteRequest(
        names: names, labels: label, yes: yes, ifExists: ifExists, snapshots: snapshots,
        force: force, now: now,
        dryRun: dryRun, proof: proof != nil, erase: erase, wait: wait?.seconds))
    for note in answer.notes where !options.json { Output.note(note) }
    do throws(StoreError) {
      if let envelope = answer.proof { try file?.write(envelope.bytes) }
    } catch {
      var failure = error
      failure.remedy =
        "the branch is deleted; get its proof with 'coppice proof get \(answer.entries[0])'"
      throw failure
    }
    try options.print(answer)
    if answer.isReclaimed == false { throw ExitCode(ExitStatus.finding.rawValue) }
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
    if isReclaimed == false {
      left += "Not all of it is gone: 'coppice reclaim verify' says what holds it\n"
    }
    return lines + freed + kept + left + (collection?.text ?? "")
  }
}
