/// Every request of the API.
package enum RequestCatalogue {
  package static let storeRequests: [any StoreRequest.Type] = [
    BranchListRequest.self, BranchShowRequest.self, BranchCreateRequest.self,
    BranchDeleteRequest.self, BranchRenameRequest.self, BranchResetRequest.self,
    BranchRestoreRequest.self, RenewRequest.self, ProtectRequest.self, UnprotectRequest.self,
    LabelRequest.self, OwnerRequest.self, ExpireRequest.self, BranchLimitRequest.self,
    SnapshotListRequest.self, SnapshotCreateRequest.self, SnapshotDeleteRequest.self,
    SnapshotPruneRequest.self,
    FileListRequest.self,
    FileContentRequest.self,
    FilePutRequest.self, FileRemoveRequest.self, ImportRequest.self, ExportRequest.self,
    DomainListRequest.self, DomainCreateRequest.self, BaselineListRequest.self,
    BaselineShowRequest.self, BaselineAddRequest.self, BaselineApproveRequest.self,
    BaselineRetireRequest.self, BaselineRefreshRequest.self, ClusterPrepareRequest.self,
    ClusterCheckRequest.self,
    DiffRequest.self, UsageRequest.self, FreedRequest.self, GrowthRequest.self,
    StatisticsRequest.self, CollectRequest.self, ReclaimRequest.self, CheckRequest.self,
    ScrubRequest.self, RepairRequest.self, ProofKeyRequest.self, ProofListRequest.self,
    ProofGetRequest.self,
    PolicyShowRequest.self, PolicySetRequest.self,
    PolicyTestRequest.self, PolicyRunRequest.self, PolicyPauseRequest.self,
    PolicyResumeRequest.self, RemoteListRequest.self, RemoteShowRequest.self,
    RemoteAddRequest.self, RemoteRemoveRequest.self, RemoteCheckRequest.self,
    RemoteRejoinRequest.self, RemoteKeyRequest.self, RemoteCollectRequest.self,
    RemoteScrubRequest.self, RemoteUsageRequest.self, PushRequest.self, PullRequest.self,
    BackupListRequest.self, BackupChangeRequest.self, BackupPruneRequest.self,
    BackupDrillRequest.self,
  ]

  package static let serverRequests: [any ServerRequest.Type] = [
    StatusRequest.self, StopRequest.self, MountRequest.self, InstanceListRequest.self,
    InstanceShowRequest.self, InstanceStartRequest.self, InstanceStopRequest.self,
    InstanceRestartRequest.self, InstanceLogRequest.self,
  ]
}
