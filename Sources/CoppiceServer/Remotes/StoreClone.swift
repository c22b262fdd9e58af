package import Coppice
internal import CoppiceFormat
internal import CoppicePlatform
internal import CoppicePools

/// A new store of a pool's family, made with nothing but the way to the pool.
package struct StoreClone {
  package let place: RemotePlace
  /// What the new store calls the pool.
  package let remote: String

  package init(_ place: RemotePlace, as remote: String) {
    self.place = place
    self.remote = remote
  }

  /// What came of it.
  package struct Summary: Codable, Sendable {
    package struct Branch: Codable, Sendable {
      package var branch: String
      /// What the pool calls it.
      package var copy: String
      package var pageCount: UInt64
      /// Fetched from the pool.
      package var byteCount: UInt64
    }

    package var store: String
    package var identifier: String
    package var pageByteCount: Int
    package var remote: String
    package var branches: [Branch]
    /// What the pool has.
    package var copies: [String]
    package var traffic: PoolTraffic
  }

  /// Makes the store and brings entries of the pool into it as branches; the store is closed on
  /// return. After an error there is no store, or one that has the branches that were fetched.
  ///
  /// - Parameters:
  ///   - directory: of the new store; made if it is missing.
  ///   - entries: of the pool; the branches are called as the branches there.
  package func make(
    at directory: String, bringing entries: [String], _ work: Work
  ) throws(StoreError) -> Summary {
    try EntryName.validate(remote: remote)
    let outer = try place.key(outsideOf: nil)
    let connection = try PoolConnection(place, outer, nil)
    let head = try head(connection, with: entries)
    var options = Store.Options()
    options.pageByteCount = 1 << Int(head.pageShift)
    let store = try Store.create(at: directory, options: options, secret: head.secret)
    do throws(StoreError) {
      // Now that there is a store the key must not lie in it.
      _ = try place.key(outsideOf: directory)
      let summary = try fill(store, connection, entries, work)
      try store.close()
      return summary
    } catch {
      // The first failure is the one to report.
      try? store.close()
      throw error
    }
  }

  /// Reads without a store: nothing is noted of it. Throws unless the pool has the entries.
  private func head(
    _ connection: PoolConnection, with entries: [String]
  ) throws(StoreError) -> PoolHead {
    guard let bytes = try connection.contents(of: .head) else {
      throw StoreError(
        .notFound, "there is no pool", object: place.url, remedy: "correct the place")
    }
    let object = try HeadObject(bytes, opening: connection.outer)
    var listed: [ListedEntry] = []
    for member in object.head.members {
      guard let bytes = try connection.contents(of: .member(member.id)) else { continue }
      listed += try PoolMember.open(bytes, of: member.id, keys: object.keys).entries.map {
        ListedEntry(name: PoolEntryName(member: member.number, entry: $0.id), entry: $0)
      }
    }
    for entry in entries { _ = try listed.named(entry, in: connection.place) }
    return object.head
  }

  private func fill(
    _ store: Store, _ connection: PoolConnection, _ entries: [String], _ work: Work
  ) throws(StoreError) -> Summary {
    let registry = RemoteRegistry(store)
    try registry.add(
      RemoteSettings(
        name: remote, place: place, pool: connection.outer.pool.description, tagStyle: nil,
        addedNanoseconds: registry.now))
    var reading = try PoolUse.of(connection, by: store).read(connection, of: store)
    let pulls = try entries.map { entry throws(StoreError) in
      try BranchPull(
        entry, as: Self.branch(of: entry), owner: HostUser.name(of: HostProcess.user), reading,
        in: connection.place)
    }
    var branches: [Summary.Branch] = []
    if !pulls.isEmpty {
      let content = try reading.access.content(work.transferOptions())
      for pull in pulls {
        let result = try pull.pull(into: store, content)
        branches.append(
          Summary.Branch(
            branch: pull.received.name, copy: pull.listed.entry.name,
            pageCount: result.pageCount, byteCount: result.byteCount))
      }
    }
    return Summary(
      store: store.directory, identifier: store.identifier, pageByteCount: store.pageByteCount,
      remote: remote, branches: branches,
      copies: Set(reading.entries.live.map(\.entry.name)).sorted(),
      traffic: PoolTraffic(connection))
  }

  /// The branch that an entry of a pool is a state of.
  package static func branch(of entry: String) -> String {
    String(Substring(entry.utf8.prefix { $0 != UInt8(ascii: "@") }))
  }
}
