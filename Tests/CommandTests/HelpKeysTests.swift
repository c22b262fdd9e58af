import CoppiceServer
import TestSupport
import Testing

/// Help lists the keys of the answers, as their types have them.
@Suite struct HelpKeysTests {
  private static let commands: [(verb: String, request: any WireRequest.Type)] = [
    ("branch list", BranchListRequest.self), ("branch show", BranchShowRequest.self),
    ("branch create", BranchCreateRequest.self), ("branch delete", BranchDeleteRequest.self),
    ("branch rename", BranchRenameRequest.self), ("branch reset", BranchResetRequest.self),
    ("branch restore", BranchRestoreRequest.self), ("snapshot prune", SnapshotPruneRequest.self),
    ("policy show", PolicyShowRequest.self),
    ("policy set", PolicySetRequest.self), ("policy test", PolicyTestRequest.self),
    ("policy run", PolicyRunRequest.self), ("policy pause", PolicyPauseRequest.self),
    ("policy resume", PolicyResumeRequest.self), ("branch renew", RenewRequest.self),
    ("branch protect", ProtectRequest.self), ("branch unprotect", UnprotectRequest.self),
    ("branch label", LabelRequest.self), ("branch owner", OwnerRequest.self),
    ("branch expire", ExpireRequest.self), ("snapshot list", SnapshotListRequest.self),
    ("snapshot create", SnapshotCreateRequest.self),
    ("snapshot delete", SnapshotDeleteRequest.self), ("ls", FileListRequest.self),
    ("put", FilePutRequest.self), ("rm", FileRemoveRequest.self), ("import", ImportRequest.self),
    ("export", ExportRequest.self), ("domain list", DomainListRequest.self),
    ("branch limit", BranchLimitRequest.self), ("domain create", DomainCreateRequest.self),
    ("baseline list", BaselineListRequest.self),
    ("baseline show", BaselineShowRequest.self), ("baseline add", BaselineAddRequest.self),
    ("baseline approve", BaselineApproveRequest.self),
    ("baseline retire", BaselineRetireRequest.self),
    ("baseline refresh", BaselineRefreshRequest.self), ("pg check", ClusterCheckRequest.self),
    ("pg prepare", ClusterPrepareRequest.self), ("diff", DiffRequest.self),
    ("du", UsageRequest.self), ("du", FreedRequest.self), ("du", GrowthRequest.self),
    ("stats", StatisticsRequest.self), ("gc", CollectRequest.self),
    ("reclaim verify", ReclaimRequest.self), ("check", CheckRequest.self),
    ("proof key", ProofKeyRequest.self), ("proof list", ProofListRequest.self),
    ("proof get", ProofGetRequest.self),
    ("scrub", ScrubRequest.self), ("repair", RepairRequest.self), ("status", StatusRequest.self),
    ("pg start", InstanceStartRequest.self), ("pg stop", InstanceStopRequest.self),
    ("pg restart", InstanceRestartRequest.self), ("pg set", InstanceRestartRequest.self),
    ("pg list", InstanceListRequest.self), ("pg url", InstanceShowRequest.self),
    ("pg logs", InstanceLogRequest.self),
    ("remote list", RemoteListRequest.self), ("remote show", RemoteShowRequest.self),
    ("remote add", RemoteAddRequest.self), ("remote remove", RemoteRemoveRequest.self),
    ("remote check", RemoteCheckRequest.self), ("remote rejoin", RemoteRejoinRequest.self),
    ("remote key add", RemoteKeyRequest.self), ("remote key remove", RemoteKeyRequest.self),
    ("remote key rotate", RemoteKeyRequest.self), ("push", PushRequest.self),
    ("pull", PullRequest.self), ("backup list", BackupListRequest.self),
    ("backup delete", BackupChangeRequest.self), ("backup undelete", BackupChangeRequest.self),
    ("backup hold", BackupChangeRequest.self), ("backup release", BackupChangeRequest.self),
    ("backup prune", BackupPruneRequest.self), ("backup drill", BackupDrillRequest.self),
    ("gc", RemoteCollectRequest.self), ("check", RemoteScrubRequest.self),
    ("scrub", RemoteScrubRequest.self), ("du", RemoteUsageRequest.self),
    ("serve", StatusRequest.self), ("stop", StopRequest.self), ("mount", MountRequest.self),
  ]

  /// One line, a blank between two words.
  private func help(_ words: [String]) throws -> String {
    try CoppiceCommand(makesStore: false).program.check(words + ["--help"]).text
      .split { $0 == " " || $0 == "\n" }.joined(separator: " ")
  }

  private func listing(_ shape: Shape) -> String {
    shape.fields.map { field in
      let name = field.name + (field.isOptional ? "?" : "")
      return switch field.shape {
      case .array(let element): "\(name) [\(listing(element))]"
      case .object: "\(name) {\(listing(field.shape))}"
      default: name
      }
    }.joined(separator: ", ")
  }

  private func listing<Request: WireRequest>(of type: Request.Type) -> String {
    listing(Shape(of: Request.Answer.self))
  }

  @Test func `every command's help has the keys of its answer`() throws {
    for (verb, request) in Self.commands {
      let help = try help(verb.split(separator: " ").map(String.init))
      let listing = listing(of: request)
      #expect(!listing.isEmpty && help.contains("\(listing)."), "\(verb)")
    }
    #expect(try help([]).contains("error {kind, object, message, remedy, cause?, reason?}."))
  }

  @Test func `no request is without a command whose help is looked at`() {
    let known = Set(Self.commands.map { "\($0.request)" })
    let all =
      RequestCatalogue.storeRequests.map { "\($0)" }
      + RequestCatalogue.serverRequests.map { "\($0)" }
    #expect(Set(all).subtracting(known) == ["FileContentRequest"])
  }
}
