internal import CoppiceFormat
internal import Synchronization

/// Recently used directories of closed segments, bounded by bytes; the least recently used goes.
final class DirectoryCache: Sendable {
  private let byteCountMax: Int
  private let state = Mutex(State())

  private struct State: Sendable {
    var entries: [SegmentID: Entry] = [:]
    var byteCount = 0
    var tick: UInt64 = 0
  }

  private struct Entry: Sendable {
    var directory: SegmentDirectory
    /// Up to where the directory was read; a segment that grew is read again.
    var frameCount: UInt32
    var lastUse: UInt64
  }

  init(byteCount: Int) { byteCountMax = byteCount }

  func directory(_ id: SegmentID, frameCount: UInt32) -> SegmentDirectory? {
    state.withLock { state in
      guard let entry = state.entries[id], entry.frameCount == frameCount else { return nil }
      state.tick += 1
      state.entries[id]?.lastUse = state.tick
      return entry.directory
    }
  }

  func insert(_ directory: SegmentDirectory, _ id: SegmentID, frameCount: UInt32) {
    state.withLock { state in
      state.tick += 1
      if let old = state.entries[id] { state.byteCount -= old.directory.byteCount }
      state.entries[id] = Entry(
        directory: directory, frameCount: frameCount, lastUse: state.tick)
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
