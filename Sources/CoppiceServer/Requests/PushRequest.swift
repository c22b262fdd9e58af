package import Coppice
internal import CoppiceFormat
internal import CoppicePlatform
internal import CoppicePools

package struct PushRequest: StoreRequest {
  package static let route = Route(
    .post, "/v1/push", "Give a pool a copy of a branch or snapshot as it is now.")
  package static let isCancellable = true

  /// The branch or snapshot.
  package var entry: String
  package var remote: String
  /// What the pool calls it; as the store does without.
  package var target: String?
  /// Become the store that writes to the pool first, in place of the one that does.
  package var take: Bool
  /// Read what is sent back, before the copy is there.
  package var verify: Bool

  package init(entry: String, remote: String, target: String?, take: Bool, verify: Bool) {
    self.entry = entry
    self.remote = remote
    self.target = target
    self.take = take
    self.verify = verify
  }

  package var isReadOnly: Bool { false }

  package var access: Access { Access(.pools, .entry(entry)) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let store = context.store
    let push = try BranchPush(entry, as: target, in: store)
    let connection = try context.writableConnection(remote)
    let use = PoolUse.of(connection, by: store)
    if take {
      try use.write(connection, of: store, as: .take, context.work) { _ in }
    }
    let tree = try push.sealed()
    let options = context.work.transferOptions(verifiesUploads: verify)
    var answer = try use.write(
      connection, of: store, as: .transfer, context.work,
      unless: { access, head throws(StoreError) in
        try push.existing(tree, in: &access, head)
          .map { Answer(remote, push.name, $0, connection) }
      },
      { writer throws(StoreError) in
        Answer(remote, push.name, try push.push(tree, by: writer, options), connection)
      })
    answer.isVerified = verify && !answer.isUnchanged
    return answer
  }

  package struct Answer: Codable, Sendable {
    package var remote: String
    /// What the pool calls it.
    package var name: String
    /// Which entry of the pool it is.
    package var id: String
    /// Whether the pool had this very state already.
    package var isUnchanged: Bool
    /// Pages that were sent.
    package var pageCount: UInt64
    package var segmentCount: Int
    /// Of the objects that were sent.
    package var byteCount: UInt64
    /// With `verify`: whether what was sent was read back.
    package var isVerified: Bool
    package var traffic: PoolTraffic

    fileprivate init(
      _ remote: String, _ name: String, _ entry: PoolEntryName, _ connection: PoolConnection
    ) {
      self.remote = remote
      self.name = name
      id = entry.text
      isUnchanged = true
      pageCount = 0
      segmentCount = 0
      byteCount = 0
      isVerified = false
      traffic = PoolTraffic(connection)
    }

    fileprivate init(
      _ remote: String, _ name: String, _ result: PushResult, _ connection: PoolConnection
    ) {
      self.init(remote, name, result.entry, connection)
      isUnchanged = result.isUnchanged
      pageCount = result.pageCount
      segmentCount = result.segmentCount
      byteCount = result.byteCount
    }
  }
}

extension PoolEntryName {
  /// As answers have it.
  var text: String { "\(member.rawValue).\(entry.rawValue)" }
}
