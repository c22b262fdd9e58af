package import Coppice
internal import CoppiceFormat
internal import CoppicePlatform
internal import CoppicePools

package struct RemoteAddRequest: StoreRequest {
  package static let route = Route(
    .post, "/v1/remotes", "Have the store know a pool by a name, and make the pool if asked to.")
  package static let isCancellable = true

  package var remote: String
  package var place: RemotePlace
  /// Make the pool, and its key file where there is none.
  package var create: Bool
  /// Become the store that writes to the pool, in place of the one that does.
  package var take: Bool

  package init(remote: String, place: RemotePlace, create: Bool, take: Bool) {
    self.remote = remote
    self.place = place
    self.create = create
    self.take = take
  }

  package var isReadOnly: Bool { false }

  package var access: Access { Access(.pools, .store) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let store = context.store
    let registry = RemoteRegistry(store)
    try registry.checkFree(remote)
    try registry.checkNew(place, pool: nil)
    try place.checkFiles()
    let known = try knownKey(outsideOf: store.directory)
    if let known { try registry.checkNew(place, pool: known.pool.description) }
    // A connection has a key; without one nothing that it is used for here needs it.
    let outer = known ?? .random()
    let report = try PoolConnection(place, outer, nil).probe()
    let connection = try PoolConnection(place, outer, report.tagStyle)
    try checkPlace(try connection.poolThere(), known)
    if known == nil, let file = place.keyFile {
      try KeyFile.make(file, outer, outsideOf: store.directory)
    }
    let reading = try enter(connection, context)
    let settings = RemoteSettings(
      name: remote, place: place, pool: outer.pool.description, tagStyle: report.tagStyle,
      addedNanoseconds: registry.now)
    try registry.add(settings)
    return Answer(
      RemoteAnswer(settings),
      Answer.Addition(
        isNew: create, hasMadeKey: known == nil, entryCount: reading.entries.live.count,
        writer: reading.head.writer?.label))
  }

  /// `nil` where it is to be made.
  private func knownKey(outsideOf directory: String) throws(StoreError) -> OuterKey? {
    do throws(StoreError) { return try place.key(outsideOf: directory) } catch {
      guard create, place.keyFile != nil, error.kind == .notFound else { throw error }
      return nil
    }
  }

  /// Throws unless what lies in the place is what was asked for.
  private func checkPlace(_ pool: StoreUUID?, _ key: OuterKey?) throws(StoreError) {
    guard let pool else {
      guard !create else { return }
      throw StoreError(
        .notFound, "there is no pool", object: place.url,
        remedy: "make it with --create, or correct the place")
    }
    guard pool != key?.pool else { return }
    guard create else {
      throw StoreError(
        .denied, "is the key of another pool than the one that lies there, which is \(pool)",
        object: place.keyFile ?? "the key command",
        remedy: "name the key file, or the command, of this pool")
    }
    throw StoreError(
      .conflict, "another pool lies there, \(pool)", object: place.url,
      remedy: "choose another prefix, or add that pool with its key and without --create",
      reason: .exists)
  }

  /// Makes the pool, or takes it over, if asked to; returns what it is then.
  private func enter(
    _ connection: PoolConnection, _ context: RequestContext
  ) throws(StoreError) -> PoolReading {
    let store = context.store
    let label = PoolUse.label(of: store)
    if create {
      let name = place.keyFile.map { HostPath.split($0).name } ?? "command"
      _ = try PoolAccess.create(
        connection.site(of: store), store.family,
        keyLabel: String(
          decoding: name.utf8.prefix(Int(PoolWrapper.labelByteCountMax)), as: UTF8.self),
        label: label)
    }
    let reading = try context.read(connection)
    guard create || take else { return reading }
    try PoolUse.of(connection, by: store).write(
      connection, of: store, as: take ? .take : .member, context.work
    ) { _ in }
    return try context.read(connection)
  }

  package struct Answer: ReportAnswer {
    package struct Addition: Codable, Sendable {
      /// Whether the pool was made.
      package var isNew: Bool
      /// Whether its key file was.
      package var hasMadeKey: Bool
      /// What the pool has.
      package var entryCount: Int
      /// The store that writes to the pool, as it calls itself.
      package var writer: String?
    }

    package var report: RemoteAnswer
    package var addition: Addition

    package init(_ report: RemoteAnswer, _ addition: Addition) {
      self.report = report
      self.addition = addition
    }
  }
}

extension OuterKey {
  /// A key of a pool that is to be made.
  fileprivate static func random() -> OuterKey {
    var generator = SystemRandomNumberGenerator()
    return OuterKey(
      pool: StoreUUID(low: generator.next(), high: generator.next()), wrapper: PoolWrapperID(1),
      secret: PoolSecret(using: &generator))
  }
}

extension PoolHead {
  /// The member that writes, or is about to.
  fileprivate var writer: PoolMemberListing? {
    members.last { $0.state == .joined } ?? members.last { $0.state == .joining }
  }
}
