internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// Finds frames whose home segment was retired, in the hosts that took them over: one step, never a
/// chain. Thread-safe; costs an atomic load while nothing is retired.
final class RetiredFrames: Sendable {
  struct Found {
    var segment: SegmentID
    var place: SegmentDirectory.Place
  }

  private let files: SegmentFiles
  private let directories: DirectoryCache
  private let homeCount = Atomic<Int>(0)
  /// Changes with every collection that moved frames.
  private let moveCount = Atomic<Int>(0)
  private let hosts = Mutex<[SegmentID: [SegmentEntry]]>([:])

  init(files: SegmentFiles, directories: DirectoryCache) {
    self.files = files
    self.directories = directories
  }

  var generation: Int { moveCount.load(ordering: .acquiring) }

  /// Takes the retired table over from the catalogue.
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

  /// Where the frame lies now; `nil` when its home is not retired, or no host has it.
  func find(_ name: FrameName) throws(StoreError) -> Found? {
    guard let hosts = hosts(of: name.segment) else { return nil }
    for entry in hosts {
      let directory = try directory(entry)
      if let place = directory.place(ofHome: name) {
        return Found(segment: entry.id, place: place)
      }
    }
    return nil
  }

  private func directory(_ entry: SegmentEntry) throws(StoreError) -> SegmentDirectory {
    if let cached = directories.directory(entry.id, frameCount: entry.frameCount) { return cached }
    let file: any DiskFile
    do throws(SystemError) { file = try files.file(entry.id) } catch {
      throw StoreError(error, while: "reading a host segment's directories")
    }
    let directory = try SegmentDirectory.read(entry, file)
    directories.insert(directory, entry.id, frameCount: entry.frameCount)
    return directory
  }
}
