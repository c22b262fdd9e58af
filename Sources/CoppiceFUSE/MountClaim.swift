internal import Coppice
internal import CoppiceEngine
internal import CoppicePlatform
internal import Synchronization

/// The right to mount a store: one mount has it at a time.
///
/// A kernel keeps the locks, the byte count and the pages of a file for each mount by itself. Two
/// mounts would give one lock to two holders, and one place to two that append.
final class MountClaim: Sendable {
  private static let places = Mutex<[ObjectIdentifier: String]>([:])
  private static let patienceNanoseconds: UInt64 = 5_000_000_000
  private static let pauseNanoseconds: UInt64 = 5_000_000

  private let store: Store
  private let isHeld = Atomic<Bool>(false)

  /// Throws `inUse` while the store is mounted. A mount that has just been unmounted is waited for.
  init(_ store: Store, at directory: String) throws(StoreError) {
    self.store = store
    let clock = SystemClock()
    let deadline = clock.monotonicNanoseconds() + Self.patienceNanoseconds
    while let other = Self.insert(directory, for: store) {
      guard clock.monotonicNanoseconds() < deadline, try !HostMount.isThere(other) else {
        throw StoreError(
          .inUse, "the store is mounted on \(other) already, and has one mount at a time",
          object: directory, remedy: "show it there too with `mount --bind \(other) \(directory)`")
      }
      let pause = Monitor()
      pause.withLock {
        _ = pause.wait(
          untilMonotonicNanoseconds: clock.monotonicNanoseconds() + Self.pauseNanoseconds)
      }
    }
    isHeld.store(true, ordering: .releasing)
  }

  deinit { release() }

  /// Returns where the store is mounted already.
  private static func insert(_ directory: String, for store: Store) -> String? {
    places.withLock { places in
      if let other = places[ObjectIdentifier(store)] { return other }
      places[ObjectIdentifier(store)] = directory
      return nil
    }
  }

  /// The mount is gone. Calling it again does nothing.
  func release() {
    guard isHeld.exchange(false, ordering: .acquiringAndReleasing) else { return }
    Self.places.withLock { $0[ObjectIdentifier(store)] = nil }
  }
}

extension HostMount {
  fileprivate static func isThere(_ directory: String) throws(StoreError) -> Bool {
    do throws(SystemError) {
      return try all().contains { $0.directory.hasBytes(of: directory) }
    } catch {
      throw StoreError(error, while: "reading the list of mounts")
    }
  }
}
