package import Coppice

extension Remedy {
  /// In the words of the command.
  package var commandText: String { worded(\.commandWords) }
}

extension StoreError {
  /// All of it in one line, in the words of the command: for logs and notes of a server.
  package var commandText: String {
    var worded = self
    worded.remedy = Remedy(remedy.commandText)
    return worded.description
  }
}

extension Remedy.Step {
  fileprivate var commandWords: String {
    switch self {
    case .create: "`coppice init`"
    case .listBranches: "`coppice branch list` or `coppice snapshot list`"
    case .listDeletedBranches: "`coppice branch list --state deleted`"
    case .listDeletedSnapshots: "`coppice snapshot list --state deleted`"
    case .check: "`coppice check`"
    case .scrub: "`coppice scrub`"
    case .repair: "`coppice repair`"
    case .repairAcceptingLoss: "`coppice repair --accept-loss`"
    case .collect: "`coppice gc`"
    case .deleteForGood(let branch): "`coppice branch delete \(branch) --now`"
    case .setLimit(let branch): "`coppice branch limit \(branch) SIZE`"
    case .deleteSnapshots: "--snapshots"
    case .replaceTarget: "--replace"
    case .importTar: "--tar"
    case .exportTar: "`coppice export --tar`"
    case .importOutput: "| coppice import --tar - BRANCH"
    case .importStream(let path): "pipe its content: coppice import - BRANCH:PATH < \(path)"
    case .listFrames: "`coppice inspect segment`"
    case .unprotect(let name): "`coppice branch unprotect \(name)`"
    case .renew(let name): "renew it: `coppice branch renew \(name) --ttl 3d`"
    case .retire(let baseline): "`coppice baseline retire \(baseline)`"
    case .approve(let branch): "`coppice baseline approve \(branch)@SNAPSHOT`"
    case .createDomain: "`coppice domain create`"
    case .copy(let source, let branch, let domain):
      "copy it: coppice export --tar \(source) copy.tar && coppice import --tar "
        + (domain.map { "--domain \($0)" } ?? "--replace") + " copy.tar \(branch)"
    case .takePool: "take the pool over, `coppice push REF REMOTE --take`"
    case .rejoinPool: "`coppice remote rejoin REMOTE`"
    case .clonePool: "make a store of the pool's family with `coppice clone`"
    }
  }
}
