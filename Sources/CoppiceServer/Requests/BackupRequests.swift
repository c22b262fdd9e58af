package import Coppice
internal import CoppiceFormat
internal import CoppicePlatform
internal import CoppicePools

package struct BackupListRequest: StoreRequest {
  package static let route = Route(
    .get, "/v1/remotes/{remote}/entries", "List what a pool has, or one branch there.")

  package var remote: String
  /// Only the branch of that name in the pool, with its snapshots.
  package var only: String?
  /// Also what was deleted and can be brought back, and states that newer ones took the place of.
  package var all: Bool

  package init(remote: String, only: String?, all: Bool) {
    self.remote = remote
    self.only = only
    self.all = all
  }

  package var isReadOnly: Bool { false }

  package var access: Access { Access(.pools, .store) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let connection = try context.connection(remote)
    let reading = try context.read(connection)
    let now = reading.access.now
    let listed = (all ? reading.entries : reading.entries.live).filter { listed in
      only.map { listed.entry.isOf(branch: $0) } ?? true
    }
    let entries = listed.map { BackupEntry($0, reading.head, at: now) }.sorted { a, b in
      a.name.hasBytes(of: b.name) ? a.createdAt < b.createdAt : a.name.precedes(b.name)
    }
    return Answer(remote: remote, entries: entries, traffic: PoolTraffic(connection))
  }

  package struct Answer: Codable, Sendable {
    package var remote: String
    /// In the order of their names.
    package var entries: [BackupEntry]
    package var traffic: PoolTraffic
  }
}

package struct BackupChangeRequest: StoreRequest {
  package static let route = Route(
    .post, "/v1/remotes/{remote}/entries",
    "Delete entries of a pool, bring them back, hold or release them.")

  package var remote: String
  /// `branch` or `branch@snapshot`, as the pool calls them.
  package var copies: [String]
  package var change: BackupChange
  /// Say what would be changed, and change nothing.
  package var dryRun: Bool

  package init(remote: String, copies: [String], change: BackupChange, dryRun: Bool) {
    self.remote = remote
    self.copies = copies
    self.change = change
    self.dryRun = dryRun
  }

  package var isReadOnly: Bool { false }

  package var access: Access { Access(.pools, .store) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let connection = try context.writableConnection(remote)
    let reading = try context.read(connection)
    let now = reading.access.now
    var names: [PoolEntryName] = []
    for copy in copies {
      let listed =
        try change == .undelete
        ? reading.entries.deleted(copy, in: connection.place)
        : reading.entries.named(copy, in: connection.place)
      if change == .delete, let obstacle = listed.entry.obstacle(at: now) { throw obstacle }
      names.append(listed.name)
    }
    if !dryRun {
      let use = PoolUse.of(connection, by: context.store)
      try use.write(connection, of: context.store, as: .member, context.work) {
        writer throws(StoreError) in
        switch change {
        case .delete: try writer.delete(names)
        case .undelete: for name in names { try writer.undelete(name) }
        case .hold: for name in names { try writer.hold(name) }
        case .release: for name in names { try writer.release(name) }
        }
      }
    }
    return Answer(
      remote: remote, copies: copies, change: change, isDryRun: dryRun,
      traffic: PoolTraffic(connection))
  }

  package struct Answer: Codable, Sendable {
    package var remote: String
    package var copies: [String]
    package var change: BackupChange
    package var isDryRun: Bool
    package var traffic: PoolTraffic
  }
}

/// What becomes of an entry of a pool.
package enum BackupChange: String, Codable, Sendable, CaseIterable {
  /// It can be brought back for a day.
  case delete
  case undelete
  /// Nobody deletes it.
  case hold
  /// Its hold ends in a day.
  case release
}

extension PoolEntry {
  /// Whether it is a state of the branch of that name, or one of its snapshots.
  func isOf(branch: String) -> Bool {
    name.hasBytes(of: branch) || name.utf8.starts(with: "\(branch)@".utf8)
  }
}
