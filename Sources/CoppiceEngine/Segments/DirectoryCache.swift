internal import CoppiceFormat
internal import Synchronization

/// What was read of a segment's bundle directories.
protocol CacheableDirectory: Sendable {
  /// Bytes of memory that it takes.
  var byteCount: Int { get }
}

/// Recently used directories of segments, bounded by bytes; the least recently used goes.
final class DirectoryCache<Directory: CacheableDirectory>: Sendable {
  private let byteCountMax: Int
  private let state = Mutex(State())

  private struct State: Sendable {
    var entries: [SegmentID: Entry] = [:]
    var byteCount = 0
    var tick: UInt64 = 0
  }

  private struct Entry: Sendable {
    var directory: Directory
    /// Up to where the directory was read; a segment that grew is read again.
    var frameCount: UInt32
    var lastUse: UInt64
  }

  init(byteCountMax: Int) { self.byteCountMax = byteCountMax }

  func directory(_ segment: SegmentEntry) -> Directory? {
    state.withLock { state in
      guard let entry = state.entries[segment.id], entry.frameCount == segment.frameCount else {
        return nil
      }
      state.tick += 1
      state.entries[segment.id]?.lastUse = state.tick
      return entry.directory
    }
  }

  func insert(_ directory: Directory, _ segment: SegmentEntry) {
    state.withLock { state in
      state.tick += 1
      if let old = state.entries[segment.id] { state.byteCount -= old.directory.byteCount }
      state.entries[segment.id] = Entry(
        directory: directory, frameCount: segment.frameCount, lastUse: state.tick)
      state.byteCount += directory.byteCount
      while state.byteCount > byteCountMax, state.entries.count > 1,
        let oldest = state.entries.min(by: { $0.value.lastUse < $1.value.lastUse })
      {
        state.byteCount -= oldest.value.directory.byteCount
        state.entries[oldest.key] = nil
      }
    }
  }

  func remove(_ id: SegmentID) {
    state.withLock { state in
      guard let old = state.entries.removeValue(forKey: id) else { return }
      state.byteCount -= old.directory.byteCount
    }
  }
}
