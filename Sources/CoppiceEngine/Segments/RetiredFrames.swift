internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// The hosts of every retired segment, as the catalogue has them now. One for an open store: every
/// reader that finds frames by their names shares it, whatever it caches. Thread-safe.
final class RetiredTable: Sendable {
  private let homeCount = Atomic<Int>(0)
  private let moveCount = Atomic<Int>(0)
  private let hosts = Mutex<[SegmentID: [SegmentEntry]]>([:])

  /// Changes with every collection that moved frames, once the table leads to where they lie now
  /// and before their old files go. Whoever finds a frame gone looks again if this has changed
  /// since it looked the frame up.
  var generation: Int { moveCount.load(ordering: .acquiring) }

  /// Takes the table over from the catalogue.
  func update(_ catalogue: CatalogueState) {
    let table = catalogue.retired.mapValues { home in
      home.hosts.compactMap { catalogue.segments[$0] }
    }
    hosts.withLock { $0 = table }
    homeCount.store(table.count, ordering: .releasing)
    moveCount.add(1, ordering: .acquiringAndReleasing)
  }

  func hosts(of home: SegmentID) -> [SegmentEntry]? {
    guard homeCount.load(ordering: .acquiring) > 0 else { return nil }
    return hosts.withLock { $0[home] }
  }
}

/// Finds frames whose home segment was retired, in the hosts that took them over: one step, never a
/// chain. Thread-safe; costs an atomic load while nothing is retired.
final class RetiredFrames: Sendable {
  struct Found {
    var segment: SegmentID
    var place: SegmentDirectory.Place
  }

  let table: RetiredTable
  private let segmentStore: SegmentStore
  private let damage = Mutex(Damage())

  /// What is known of hosts with damaged directories; holds until frames move.
  private struct Damage: Sendable {
    var generation = 0
    var intact: [SegmentID: (directory: SegmentDirectory, error: StoreError)] = [:]
    /// Frames that a repair found in them by their content.
    var found: [FrameName: Found] = [:]
  }

  init(_ segmentStore: SegmentStore, table: RetiredTable = RetiredTable()) {
    self.segmentStore = segmentStore
    self.table = table
  }

  var generation: Int { table.generation }
  func update(_ catalogue: CatalogueState) { table.update(catalogue) }
  func hosts(of home: SegmentID) -> [SegmentEntry]? { table.hosts(of: home) }

  private func withDamage<Result>(_ body: (inout Damage) -> Result) -> Result {
    let generation = table.generation
    return damage.withLock { damage in
      if damage.generation != generation { damage = Damage(generation: generation) }
      return body(&damage)
    }
  }

  /// Where the frame lies now; `nil` when its home is not retired, or no host has it. Throws when
  /// it may lie in a host whose directory cannot be read.
  func find(_ name: FrameName) throws(StoreError) -> Found? {
    guard let hosts = hosts(of: name.segment) else { return nil }
    var failure: StoreError?
    for entry in hosts {
      do throws(StoreError) {
        if let place = try directory(entry).place(ofHome: name) {
          return Found(segment: entry.id, place: place)
        }
      } catch {
        var cause = error
        do throws(StoreError) {
          if let place = try intactDirectory(entry, error)?.place(ofHome: name) {
            return Found(segment: entry.id, place: place)
          }
        } catch let other {
          cause = other
        }
        // Damage of one host does not say that the frame is not in another.
        if failure?.saysNothingOfContent != true { failure = cause }
      }
    }
    if let failure {
      if let found = withDamage({ $0.found[name] }) { return found }
      throw failure
    }
    return nil
  }

  /// Says where frames lie of which no directory tells; holds until frames move.
  func assume(_ places: [FrameName: Found]) {
    withDamage { $0.found.merge(places) { $1 } }
  }

  /// What is whole of a damaged host's directories; kept only when all of it was looked at.
  private func intactDirectory(_ entry: SegmentEntry, _ error: StoreError) throws(StoreError)
    -> SegmentDirectory?
  {
    guard error.kind == .corrupt else { return nil }
    if let known = withDamage({ $0.intact[entry.id] }) { return known.directory }
    let directory = try segmentStore.intactDirectory(host: entry)
    withDamage { $0.intact[entry.id] = (directory, error) }
    return directory
  }

  private func directory(_ entry: SegmentEntry) throws(StoreError) -> SegmentDirectory {
    // Reading it again would find the damage again.
    if let error = withDamage({ $0.intact[entry.id]?.error }) { throw error }
    return try segmentStore.directory(entry)
  }
}
