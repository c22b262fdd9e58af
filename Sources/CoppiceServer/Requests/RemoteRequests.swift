package import Coppice
internal import CoppiceFormat
internal import CoppicePlatform
internal import CoppicePools
internal import CoppiceS3

package struct RemoteListRequest: StoreRequest {
  package static let route = Route(.get, "/v1/remotes", "List the pools that the store knows.")

  package init() {}

  package var isReadOnly: Bool { true }

  package var access: Access { Access(.see, .store) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    Answer(remotes: try RemoteRegistry(context.store).all().map { RemoteAnswer($0) })
  }

  package struct Answer: Codable, Sendable {
    package var remotes: [RemoteAnswer]
  }
}

package struct RemoteShowRequest: StoreRequest {
  package typealias Answer = RemoteAnswer

  package static let route = Route(
    .get, "/v1/remotes/{remote}", "Tell how a pool is reached, without asking it.")

  package var remote: String

  package init(remote: String) { self.remote = remote }

  package var isReadOnly: Bool { true }

  package var access: Access { Access(.see, .store) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    RemoteAnswer(try RemoteRegistry(context.store).remote(remote))
  }
}

package struct RemoteRemoveRequest: StoreRequest {
  package typealias Answer = RemoteAnswer

  package static let route = Route(
    .delete, "/v1/remotes/{remote}", "Forget how a pool is reached; it stays as it is.")

  package var remote: String

  package init(remote: String) { self.remote = remote }

  package var isReadOnly: Bool { false }

  package var access: Access { Access(.pools, .store) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    RemoteAnswer(try RemoteRegistry(context.store).remove(remote))
  }
}

package struct RemoteCheckRequest: StoreRequest {
  package static let route = Route(
    .post, "/v1/remotes/{remote}/check",
    "Probe a pool's object store, and tell who writes to the pool.")
  package static let isCancellable = true

  package var remote: String

  package init(remote: String) { self.remote = remote }

  package var isReadOnly: Bool { false }

  package var access: Access { Access(.pools, .store) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let registry = RemoteRegistry(context.store)
    let known = try registry.remote(remote)
    let connection = try PoolConnection(known, in: context.store.directory)
    let report = try connection.probe()
    if report.tagStyle.rawValue != known.tagStyle {
      try registry.change(remote) { $0.tagStyle = report.tagStyle.rawValue }
    }
    let use = PoolUse.of(connection, by: context.store)
    var reading = try use.read(connection, of: context.store)
    try reading.head.require(context.store.family)
    return Answer(
      try PoolAnswer(reading.head, &reading.access),
      Answer.Addition(
        remote: remote, roundCount: report.roundCount,
        clockOffsetSeconds: report.clockOffset?.components.seconds, PoolTraffic(connection)))
  }

  package struct Answer: ReportAnswer {
    package struct Addition: Codable, Sendable {
      package var remote: String
      /// Of writers that raced for an object, each with one winner.
      package var roundCount: Int
      /// What the object store's clock shows before or behind this machine's.
      package var clockOffsetSeconds: Int64?
      package var traffic: PoolTraffic

      init(
        remote: String, roundCount: Int, clockOffsetSeconds: Int64?, _ traffic: PoolTraffic
      ) {
        self.remote = remote
        self.roundCount = roundCount
        self.clockOffsetSeconds = clockOffsetSeconds
        self.traffic = traffic
      }
    }

    package var report: PoolAnswer
    package var addition: Addition

    package init(_ report: PoolAnswer, _ addition: Addition) {
      self.report = report
      self.addition = addition
    }
  }
}

package struct RemoteRejoinRequest: StoreRequest {
  package static let route = Route(
    .post, "/v1/remotes/{remote}/rejoin",
    "Go on writing to a pool as a new member, in place of the one that a copy of the store is too.")

  package var remote: String

  package init(remote: String) { self.remote = remote }

  package var isReadOnly: Bool { false }

  package var access: Access { Access(.pools, .store) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let connection = try context.writableConnection(remote)
    let label = PoolUse.label(of: context.store)
    try PoolUse.of(connection, by: context.store).write(
      connection, of: context.store, as: .rejoin, context.work
    ) { _ in }
    return Answer(remote: remote, member: label)
  }

  package struct Answer: Codable, Sendable {
    package var remote: String
    /// What the pool calls this store.
    package var member: String
  }
}

/// A pool and who takes part in it.
package struct PoolAnswer: Codable, Sendable {
  package struct Member: Codable, Sendable {
    package var number: Int
    /// What people call the store.
    package var name: String
    /// `joining`, `joined` or `ended`.
    package var state: String
  }

  package struct Key: Codable, Sendable {
    package var number: Int
    package var name: String
    /// Whether it is the one that this store uses.
    package var isOwn: Bool
  }

  /// The pool's identity.
  package var pool: String
  /// `BUCKET/PREFIX`.
  package var place: String
  package var pageByteCount: Int
  package var members: [Member]
  package var keys: [Key]

  init(_ head: PoolHead, _ access: inout PoolAccess) throws(StoreError) {
    pool = access.keys.pool.description
    place = head.place
    pageByteCount = 1 << Int(head.pageShift)
    members = head.members.map { member in
      Member(
        number: Int(member.number.rawValue), name: member.label, state: "\(member.state)")
    }
    let own = access.wrapper
    keys = try access.wrappers().all.map { wrapper in
      Key(number: Int(wrapper.id.rawValue), name: wrapper.label, isOwn: wrapper.id == own)
    }
  }
}

/// What went over the connection to an object store for one request.
package struct PoolTraffic: Codable, Sendable {
  package var requestCount: Int
  /// How many of them were sent again.
  package var repeatCount: Int
  package var sentByteCount: UInt64
  package var receivedByteCount: UInt64

  init(_ connection: PoolConnection) {
    let traffic = connection.objects.traffic
    requestCount = traffic.requestCount
    repeatCount = traffic.repeatCount
    sentByteCount = UInt64(traffic.sentByteCount)
    receivedByteCount = UInt64(traffic.receivedByteCount)
  }
}
