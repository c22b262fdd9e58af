package import Coppice
internal import CoppiceFormat
internal import CoppiceLifecycle
internal import CoppicePlatform
internal import CoppicePools

package struct PullRequest: StoreRequest {
  package static let route = Route(
    .post, "/v1/pull", "Make a branch of a copy in a pool.")
  package static let isCancellable = true

  package var remote: String
  /// What the pool has: `branch` or `branch@snapshot`.
  package var copy: String
  /// What the branch is called here.
  package var branch: String
  /// Give a branch that exists the copy's content.
  package var replace: Bool

  package init(remote: String, copy: String, branch: String, replace: Bool) {
    self.remote = remote
    self.copy = copy
    self.branch = branch
    self.replace = replace
  }

  package var isReadOnly: Bool { false }

  package var access: Access { Access(.pools, .new(branch)).and(.change, .new(branch)) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let store = context.store
    try EntryName.validate(branch: branch)
    let isThere = try store.entries(in: .named).contains { $0.name.hasBytes(of: branch) }
    guard replace || !isThere else {
      throw StoreError(
        .conflict, "exists already", object: branch,
        remedy: "use --replace to give it the copy's content, or choose another name",
        reason: .exists)
    }
    if replace, isThere { try BranchUse.refuseOthers([branch], context) }
    let connection = try context.connection(remote)
    var reading = try context.read(connection)
    let pull = try BranchPull(
      copy, as: branch, isReplacing: replace, owner: context.principal.knownName, reading,
      in: connection.place)
    let content = try reading.access.content(context.work.transferOptions())
    let result = try context.suspendingInstances(of: replace && isThere ? [branch] : []) {
      () throws(StoreError) in
      if replace, isThere { try BranchUse.refuse([branch], context) }
      return try pull.pull(into: store, content)
    }
    return Answer(
      branch: branch, copy: pull.listed.entry.name, id: pull.listed.name.text, remote: remote,
      domain: pull.domain,
      createdAt: Timestamp(nanoseconds: pull.listed.entry.createdAt),
      pageCount: result.pageCount, byteCount: result.byteCount,
      traffic: PoolTraffic(connection))
  }

  package struct Answer: Codable, Sendable {
    package var branch: String
    /// What the pool calls it.
    package var copy: String
    /// Which entry of the pool it is.
    package var id: String
    package var remote: String
    /// The trust domain that the branch lies in.
    package var domain: String
    /// When the state was taken that the branch has.
    package var createdAt: Timestamp
    /// Pages that were fetched.
    package var pageCount: UInt64
    /// Fetched from the pool.
    package var byteCount: UInt64
    package var traffic: PoolTraffic
  }
}
