package import Coppice
internal import CoppiceFormat
internal import CoppicePlatform
internal import CoppicePools

/// An entry of a pool as answers have it.
package struct BackupEntry: Codable, Sendable {
  package struct Drill: Codable, Sendable {
    package var drilledAt: Timestamp
    /// With which its command ended.
    package var status: Int
    package var seconds: Int
    /// Read from the pool.
    package var byteCount: UInt64
  }

  /// `branch` or `branch@snapshot`.
  package var name: String
  /// Its member's number and its own among that one's entries.
  package var id: String
  package var isSnapshot: Bool
  package var state: BackupState
  /// The trust domain.
  package var domain: String
  /// What data that holds.
  package var `class`: String
  /// When the state was taken.
  package var createdAt: Timestamp
  package var publishedAt: Timestamp
  /// When all that it reaches was last read and verified.
  package var verifiedAt: Timestamp?
  /// The last drill.
  package var drill: Drill?
  package var isHeld: Bool
  /// When a hold ends that was released.
  package var heldUntil: Timestamp?
  package var lockedUntil: Timestamp?
  package var deletedAt: Timestamp?
  /// All that the state holds.
  package var logicalByteCount: UInt64
  /// What its push added to the pool.
  package var newByteCount: UInt64

  init(_ listed: ListedEntry, _ head: PoolHead, at now: Int64) {
    let entry = listed.entry
    name = entry.name
    id = listed.name.text
    isSnapshot = entry.flags.contains(.snapshot)
    state = BackupState(entry)
    let known = head.domains.first { $0.number == entry.domain }
    domain = known?.name ?? "\(entry.domain.rawValue)"
    `class` = DataClass(known?.domainClass ?? .raw).rawValue
    createdAt = Timestamp(nanoseconds: entry.createdAt)
    publishedAt = Timestamp(nanoseconds: entry.publishedAt)
    verifiedAt = Self.time(entry.verifiedAt)
    if entry.drill.at != 0 {
      drill = Drill(
        drilledAt: Timestamp(nanoseconds: entry.drill.at), status: Int(entry.drill.status),
        seconds: Int(entry.drill.seconds), byteCount: entry.drill.byteCount)
    }
    isHeld = entry.isHeld(at: now)
    heldUntil = isHeld ? Self.time(entry.releasedAt) : nil
    lockedUntil = now < entry.lockedUntil ? Self.time(entry.lockedUntil) : nil
    deletedAt = state == .deleted ? Self.time(entry.deletedAt) : nil
    logicalByteCount = entry.logicalByteCount
    newByteCount = entry.newByteCount
  }

  private static func time(_ nanoseconds: Int64) -> Timestamp? {
    nanoseconds == 0 ? nil : Timestamp(nanoseconds: nanoseconds)
  }
}

/// What became of an entry of a pool.
package enum BackupState: String, Codable, Sendable, CaseIterable {
  case live
  /// It can be brought back for a day.
  case deleted
  /// A newer state of its branch was pushed.
  case superseded

  init(_ entry: PoolEntry) {
    self =
      if entry.flags.contains(.deleted) {
        .deleted
      } else if entry.flags.contains(.superseded) {
        .superseded
      } else {
        .live
      }
  }
}

extension [ListedEntry] {
  /// Those that can be pulled.
  var live: [ListedEntry] {
    filter { $0.entry.isLive && $0.entry.flags.isDisjoint(with: [.moved, .taking]) }
  }

  /// The live entry of that name. Throws `notFound`, with the nearest names, and with the reason
  /// `gone` for one that is deleted.
  func named(_ name: String, in place: String) throws(StoreError) -> ListedEntry {
    let found = live.filter { $0.entry.name.hasBytes(of: name) }
    let newest = found.max { a, b in
      (a.entry.epoch, a.entry.publishedAt) < (b.entry.epoch, b.entry.publishedAt)
    }
    if let newest { return newest }
    throw missing(name, in: place)
  }

  /// The entry of that name that was deleted last. Throws as `named`.
  func deleted(_ name: String, in place: String) throws(StoreError) -> ListedEntry {
    let found = filter {
      $0.entry.flags.contains(.deleted) && $0.entry.name.hasBytes(of: name)
    }
    if let last = found.max(by: { $0.entry.deletedAt < $1.entry.deletedAt }) { return last }
    throw missing(name, in: place)
  }

  private func missing(_ name: String, in place: String) -> StoreError {
    if contains(where: { $0.entry.name.hasBytes(of: name) }) {
      return StoreError(
        .notFound, "the pool \(place) has it no more", object: name,
        remedy: "`coppice backup list --all` tells what became of it", reason: .gone)
    }
    let near = NearestNames.find(name, among: live.map(\.entry.name)).joined(separator: ", ")
    return StoreError(
      .notFound, "the pool \(place) has no such entry", object: name,
      remedy: near.isEmpty
        ? "list what it has with `coppice backup list`" : Remedy("did you mean \(near)?"))
  }
}
