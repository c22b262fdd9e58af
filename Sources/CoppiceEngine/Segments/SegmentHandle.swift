package import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// How long a read may take.
package enum ReadMode: Sendable {
  /// Until the bytes are there.
  case wait
}

/// A segment that is open for reading. Whoever holds one may go on reading after the segment was
/// removed.
package struct SegmentHandle: Sendable {
  package let id: SegmentID
  private let file: any DiskFile

  init(_ id: SegmentID, _ file: any DiskFile) {
    self.id = id
    self.file = file
  }

  /// Fills as much of `buffer` as the segment holds from `offset` on; returns how much.
  package func read(
    into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, _ mode: ReadMode
  ) throws(SegmentError) -> Int {
    do throws(SystemError) {
      switch mode {
      case .wait: return try file.read(into: buffer, at: offset)
      }
    } catch {
      throw SegmentError(error)
    }
  }

  /// Exactly `count` bytes, or `nil` where the segment ends before.
  func whole(_ count: Int, at offset: UInt64) throws(SegmentError) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    let found = try bytes.withMutableBytes { buffer throws(SegmentError) in
      try read(into: buffer, at: offset, .wait)
    }
    return found == count ? bytes : nil
  }

  /// As `whole`, for those who look at structures.
  func bytes(at offset: UInt64, count: Int) throws(StoreError) -> [UInt8]? {
    do throws(SegmentError) { return try whole(count, at: offset) } catch {
      throw StoreError(error, while: "reading the store's files")
    }
  }

  package func byteCount() throws(SegmentError) -> UInt64 {
    do throws(SystemError) { return try file.byteCount() } catch { throw SegmentError(error) }
  }

  /// Asks for the range to be brought near; no promise.
  func beginReading(offset: UInt64, byteCount: UInt64) {
    file.beginReading(offset: offset, byteCount: byteCount)
  }
}

/// Handles that are kept open, bounded; the least recently used one is closed first.
final class SegmentHandles: Sendable {
  private let countMax: Int
  private let state = Mutex(State())

  private struct State: Sendable {
    var handles = IntegerMap<Kept>()
    var tick: UInt64 = 0
    var closeCount: UInt64 = 0
  }

  private struct Kept: Sendable {
    var file: any DiskFile
    var lastUse: UInt64
  }

  init(countMax: Int) { self.countMax = countMax }

  /// The segment's file, if it is kept, and how often handles were closed so far.
  func find(_ id: SegmentID) -> (file: (any DiskFile)?, closeCount: UInt64) {
    state.withLock { state in
      guard var handle = state.handles[id.rawValue] else { return (nil, state.closeCount) }
      state.tick += 1
      handle.lastUse = state.tick
      state.handles.insert(handle, at: id.rawValue)
      return (handle.file, state.closeCount)
    }
  }

  /// Keeps a file.
  ///
  /// - Parameter closeCount: the count before the file was opened, for a segment that may have been
  ///   removed since: a handle that is kept would hold the space.
  func insert(_ file: any DiskFile, _ id: SegmentID, unlessClosedSince closeCount: UInt64? = nil) {
    state.withLock { state in
      if let closeCount, closeCount != state.closeCount { return }
      state.tick += 1
      state.handles.insert(Kept(file: file, lastUse: state.tick), at: id.rawValue)
      if state.handles.count > countMax { Self.closeOldest(&state) }
    }
  }

  private static func closeOldest(_ state: inout State) {
    var oldest: (id: UInt64, use: UInt64)?
    state.handles.forEach { id, handle in
      if handle.lastUse < oldest?.use ?? .max { oldest = (id, handle.lastUse) }
    }
    if let oldest { state.handles.remove(oldest.id) }
  }

  func close(_ id: SegmentID) {
    state.withLock { state in
      state.closeCount += 1
      state.handles.remove(id.rawValue)
    }
  }
}
