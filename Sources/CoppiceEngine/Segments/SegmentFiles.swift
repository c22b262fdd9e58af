internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// Open handles of segment files, bounded; the least recently used one is closed first.
///
/// A handle is reference-counted, so whoever reads through it may go on after the file is unlinked.
final class SegmentFiles: Sendable {
  static let directory = "segments"

  private let disk: any Disk
  private let capacity: Int
  private let state = Mutex(State())

  private struct State: Sendable {
    var handles = IntegerMap<Handle>()
    var tick: UInt64 = 0
  }

  private struct Handle: Sendable {
    var file: any DiskFile
    var lastUse: UInt64
  }

  init(disk: any Disk, capacity: Int) {
    self.disk = disk
    self.capacity = capacity
  }

  static func path(_ id: SegmentID) -> String {
    let digits = String(id.rawValue, radix: 16)
    return "\(directory)/\(String(repeating: "0", count: max(0, 10 - digits.count)))\(digits)"
  }

  /// The segment of a file name in the segments' directory; `nil` for any other file.
  static func segment(ofFile name: String) -> SegmentID? {
    guard name.utf8.count == 10, let value = UInt64(name, radix: 16),
      name == name.lowercased()
    else { return nil }
    return SegmentID(value)
  }

  func open(_ id: SegmentID) throws(StoreError) -> any DiskFile {
    do throws(SystemError) { return try file(id) } catch {
      throw StoreError(error, while: "opening segment \(id.rawValue)")
    }
  }

  func file(_ id: SegmentID) throws(SystemError) -> any DiskFile {
    if let file = known(id) { return file }
    let file = try disk.open(Self.path(id), .read)
    insert(file, id)
    return file
  }

  private func known(_ id: SegmentID) -> (any DiskFile)? {
    state.withLock { state in
      guard var handle = state.handles[id.rawValue] else { return nil }
      state.tick += 1
      handle.lastUse = state.tick
      state.handles.insert(handle, at: id.rawValue)
      return handle.file
    }
  }

  func insert(_ file: any DiskFile, _ id: SegmentID) {
    state.withLock { state in
      state.tick += 1
      state.handles.insert(Handle(file: file, lastUse: state.tick), at: id.rawValue)
      if state.handles.count > capacity { Self.closeOldest(&state) }
    }
  }

  private static func closeOldest(_ state: inout State) {
    var oldest: (id: UInt64, use: UInt64)?
    state.handles.forEach { id, handle in
      if handle.lastUse < oldest?.use ?? .max { oldest = (id, handle.lastUse) }
    }
    if let oldest { state.handles.remove(oldest.id) }
  }

  func close(_ id: SegmentID) { state.withLock { $0.handles.remove(id.rawValue) } }
}
