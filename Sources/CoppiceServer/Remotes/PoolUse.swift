internal import Coppice
internal import CoppiceFormat
internal import CoppicePlatform
internal import CoppicePools
internal import Synchronization

/// What this process does with one pool for one store.
///
/// The notes of a pool are one thread's at a time, and a store is one writing member: so requests
/// that change the pool share a writer while any of them runs, transfers of one pool wait for each
/// other, and who only reads beside them notes nothing.
final class PoolUse: @unchecked Sendable {
  private struct Key: Hashable {
    var store: String
    var pool: StoreUUID
  }

  private static let all = Mutex<[Key: PoolUse]>([:])

  static func of(_ connection: PoolConnection, by store: Store) -> PoolUse {
    let key = Key(store: store.identifier, pool: connection.outer.pool)
    return all.withLock { all in
      if let known = all[key] { return known }
      let use = PoolUse()
      all[key] = use
      return use
    }
  }

  private let monitor = Monitor()
  private let clock = SystemClock()
  private static let sliceNanoseconds: UInt64 = 100_000_000

  // Guarded by the monitor.

  private var writer: PoolWriter?
  private var userCount = 0
  /// Whether somebody reads and writes the notes without a writer.
  private var isNoting = false
  private var isTransferring = false
  /// Whether somebody becomes another member.
  private var isTaking = false

  private init() {}

  // MARK: Reading

  /// Opens the pool and reads what it lists.
  func read(_ connection: PoolConnection, of store: Store) throws(StoreError) -> PoolReading {
    let isAlone = monitor.withLock {
      guard userCount == 0, !isNoting else { return false }
      isNoting = true
      return true
    }
    defer { if isAlone { endNoting() } }
    let site = try connection.site(of: store, keepsNotes: isAlone)
    var (access, head) = try PoolAccess.opening(site)
    let entries = try access.entries(of: head)
    access.detach()
    return PoolReading(access: access, head: head, entries: entries)
  }

  private func endNoting() {
    monitor.withLock {
      isNoting = false
      monitor.broadcast()
    }
  }

  // MARK: Writing

  /// How a request comes to write.
  enum Way {
    /// As the member that this store is.
    case member
    /// Likewise, for long: one at a time.
    case transfer
    /// In place of the member that writes.
    case take
    /// As a new member in place of the own one.
    case rejoin
  }

  /// Carries out what changes the pool.
  ///
  /// - Parameter before: is asked first with the pool as it is; with what it returns nothing is
  ///   written.
  func write<Result>(
    _ connection: PoolConnection, of store: Store, as way: Way, _ work: Work,
    unless before: (inout PoolAccess, PoolHead) throws(StoreError) -> Result? = { _, _ in nil },
    _ body: (PoolWriter) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    try begin(way, work)
    defer { end(way) }
    let shared = monitor.withLock { () -> PoolWriter? in
      while isNoting { monitor.wait() }
      if let writer {
        userCount += 1
        return writer
      }
      isNoting = true
      return nil
    }
    guard let shared else {
      let writer: PoolWriter
      do throws(StoreError) {
        var (access, head) = try PoolAccess.opening(connection.site(of: store))
        if let result = try before(&access, head) {
          endNoting()
          return result
        }
        writer = try Self.open(access, as: way, label: Self.label(of: store))
      } catch {
        endNoting()
        throw error
      }
      monitor.withLock {
        self.writer = writer
        userCount += 1
        isNoting = false
        monitor.broadcast()
      }
      return try using(writer, body)
    }
    return try using(shared) { writer throws(StoreError) in
      var (access, head) = try PoolAccess.opening(connection.site(of: store, keepsNotes: false))
      // What the writer has under way may overtake it: only what it refuses counts here.
      _ = try before(&access, head)
      return try body(writer)
    }
  }

  private func using<Result>(
    _ writer: PoolWriter, _ body: (PoolWriter) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    defer {
      monitor.withLock {
        userCount -= 1
        if userCount == 0 { self.writer = nil }
        monitor.broadcast()
      }
    }
    return try body(writer)
  }

  /// Waits until nothing is in the way. Throws what the work was called off for.
  private func begin(_ way: Way, _ work: Work) throws(StoreError) {
    try monitor.withLock { () throws(StoreError) in
      while isInTheWay(of: way) {
        try work.check()
        _ = monitor.wait(
          untilMonotonicNanoseconds: clock.monotonicNanoseconds() + Self.sliceNanoseconds)
      }
      if way != .member { isTransferring = true }
      isTaking = way == .take || way == .rejoin
    }
  }

  private func isInTheWay(of way: Way) -> Bool {
    switch way {
    case .member: isTaking
    case .transfer: isTransferring
    case .take, .rejoin: isTransferring || userCount > 0
    }
  }

  private func end(_ way: Way) {
    guard way != .member else { return }
    monitor.withLock {
      isTransferring = false
      isTaking = false
      monitor.broadcast()
    }
  }

  private static func open(
    _ access: consuming PoolAccess, as way: Way, label: String
  ) throws(StoreError) -> PoolWriter {
    switch way {
    case .member, .transfer: try PoolWriter.open(access, label: label)
    case .take: try PoolWriter.take(access, label: label)
    case .rejoin: try PoolWriter.rejoin(access, label: label)
    }
  }

  /// What people call a store: its machine and its directory.
  static func label(of store: Store) -> String {
    let text = "\(HostProcess.machineName):\(HostPath.absolute(store.directory))"
    // The end tells more than the beginning.
    var label = Substring(text)
    while label.utf8.count > PoolMemberListing.labelByteCountMax { label.removeFirst() }
    return String(label)
  }
}

/// A pool as it was when it was looked at, and a way to read what it lists.
struct PoolReading {
  var access: PoolAccess
  let head: PoolHead
  let entries: [ListedEntry]
}
