package import Coppice
internal import CoppiceFormat
internal import CoppiceLifecycle
internal import CoppicePlatform
internal import CoppicePools

package struct RemoteCollectRequest: StoreRequest {
  package static let route = Route(
    .post, "/v1/remotes/{remote}/collect", "Remove from a pool what none of its entries reaches.")
  package static let isCancellable = true

  package var remote: String

  package init(remote: String) { self.remote = remote }

  package var isReadOnly: Bool { false }

  package var access: Access { Access(.pools, .store) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let connection = try context.writableConnection(remote)
    let use = PoolUse.of(connection, by: context.store)
    let before = try context.read(connection).entries
    let options = context.work.transferOptions()
    let result = try use.write(connection, of: context.store, as: .transfer, context.work) {
      writer throws(StoreError) in try writer.collect(options)
    }
    let reading = try context.read(connection)
    let now = reading.access.now
    return Answer(
      remote: remote, removedSegmentCount: result.removed.count,
      forgottenCount: max(0, before.count - reading.entries.count),
      kept: reading.entries.map { listed in
        Answer.Kept(name: listed.entry.name, id: listed.name.text, Self.reasons(listed, at: now))
      },
      traffic: PoolTraffic(connection))
  }

  /// What keeps an entry.
  private static func reasons(_ listed: ListedEntry, at now: Int64) -> [String] {
    let entry = listed.entry
    var reasons: [String] = []
    if entry.isLive { reasons.append("live") }
    if entry.isHeld(at: now) { reasons.append("held") }
    if now < entry.lockedUntil { reasons.append("locked") }
    if !entry.pins.isEmpty { reasons.append("in use") }
    if entry.flags.contains(.deleted), now < entry.restoreEnd { reasons.append("can be undeleted") }
    return reasons.isEmpty ? ["a push, or the next collection"] : reasons
  }

  package struct Answer: Codable, Sendable {
    package struct Kept: Codable, Sendable {
      package var name: String
      package var id: String
      package var reasons: [String]

      init(name: String, id: String, _ reasons: [String]) {
        self.name = name
        self.id = id
        self.reasons = reasons
      }
    }

    package var remote: String
    package var removedSegmentCount: Int
    /// Deleted and superseded entries that were forgotten.
    package var forgottenCount: Int
    /// What is still there, and why.
    package var kept: [Kept]
    package var traffic: PoolTraffic
  }
}

package struct RemoteScrubRequest: StoreRequest {
  package static let route = Route(
    .post, "/v1/remotes/{remote}/scrub", "Read and verify what a pool has.")
  package static let isCancellable = true

  package var remote: String
  /// Structures alone: members, entries, nodes, indexes, and which objects are there.
  package var structure: Bool

  package init(remote: String, structure: Bool) {
    self.remote = remote
    self.structure = structure
  }

  package var isReadOnly: Bool { false }

  package var access: Access { Access(.pools, .store) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let connection = try context.connection(remote)
    var reading = try context.read(connection)
    let result = try reading.access.check(
      structure ? .structure : .everything, context.work.transferOptions())
    let names = Dictionary(
      reading.entries.map { ($0.name, $0.entry.name) }, uniquingKeysWith: { $1 })
    return Answer(
      remote: remote, entryCount: result.entryCount, segmentCount: result.segmentCount,
      nodeCount: result.nodeCount, pageCount: result.pageCount,
      unpublishedCount: result.unpublishedCount,
      findings: result.findings.map { finding in
        BackupFinding(
          object: finding.object, message: finding.message,
          entries: finding.entries.map { names[$0] ?? $0.text })
      },
      notes: structure ? [] : note(whole: reading.entries, result, context),
      traffic: PoolTraffic(connection))
  }

  /// Notes which entries are whole; returns why the pool does not keep that.
  private func note(
    whole entries: [ListedEntry], _ result: PoolCheckResult, _ context: RequestContext
  ) -> [String] {
    let damaged = result.damagedEntries
    let whole = entries.filter { !$0.entry.flags.contains(.superseded) }.map(\.name)
      .filter { !damaged.contains($0) }
    do throws(StoreError) {
      let connection = try context.writableConnection(remote)
      try PoolUse.of(connection, by: context.store).write(
        connection, of: context.store, as: .member, context.work
      ) { writer throws(StoreError) in try writer.noteVerified(whole) }
      return []
    } catch {
      return ["the pool does not keep that it was verified: \(error.commandText)"]
    }
  }

  package struct Answer: Codable, Sendable {
    package var remote: String
    package var entryCount: Int
    package var segmentCount: Int
    package var nodeCount: UInt64
    /// Without `structure`.
    package var pageCount: UInt64
    /// Objects of pushes that did not end, and what is about to be removed.
    package var unpublishedCount: Int
    package var findings: [BackupFinding]
    package var notes: [String]
    package var traffic: PoolTraffic

    package var isClean: Bool { findings.isEmpty }
  }
}

/// Something of a pool that is not as it was written.
package struct BackupFinding: Codable, Sendable {
  package var object: String
  package var message: String
  /// The copies that need it.
  package var entries: [String]
}

package struct RemoteUsageRequest: StoreRequest {
  package static let route = Route(
    .get, "/v1/remotes/{remote}/usage", "Tell what a pool's entries hold, and what it takes.")

  package var remote: String

  package init(remote: String) { self.remote = remote }

  package var isReadOnly: Bool { false }

  package var access: Access { Access(.pools, .store) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let connection = try context.connection(remote)
    var reading = try context.read(connection)
    let objects = try reading.access.objects()
    return Answer(
      remote: remote,
      entries: reading.entries.live.map { listed in
        Answer.Entry(
          name: listed.entry.name, logicalByteCount: listed.entry.logicalByteCount,
          newByteCount: listed.entry.newByteCount)
      }.sorted { $0.name.precedes($1.name) },
      segmentCount: objects.segmentCount, storedByteCount: objects.byteCount,
      unpublishedCount: objects.otherCount, unpublishedByteCount: objects.otherByteCount,
      traffic: PoolTraffic(connection))
  }

  package struct Answer: Codable, Sendable {
    package struct Entry: Codable, Sendable {
      package var name: String
      /// All that the state holds.
      package var logicalByteCount: UInt64
      /// What its push added to the pool.
      package var newByteCount: UInt64
    }

    package var remote: String
    package var entries: [Entry]
    package var segmentCount: Int
    /// Of the pool's segments, as the object store has them.
    package var storedByteCount: UInt64
    /// Objects of pushes that did not end, and what is about to be removed.
    package var unpublishedCount: Int
    package var unpublishedByteCount: UInt64
    package var traffic: PoolTraffic
  }
}
