internal import CoppicePlatform
internal import Synchronization

/// A disk in memory that lets go of what was written to it: it holds the newest bytes, and how many
/// there were. Whoever reads what it has let go of finds the file shorter than it was.
final class PassingDisk: Disk {
  private struct State: Sendable {
    var files: [String: PassingFile] = [:]
    /// What is held, oldest first, and from where on.
    var held: [(file: PassingFile, offset: UInt64, byteCount: Int)] = []
    var first = 0
    var heldByteCount = 0
    var isKeeping = false
  }

  private let heldByteCountMax: Int
  private let state = Mutex(State())

  init(heldByteCountMax: Int) { self.heldByteCountMax = heldByteCountMax }

  /// From here on nothing more is let go of.
  func keepAll() { state.withLock { $0.isKeeping = true } }

  fileprivate func hold(_ file: PassingFile, offset: UInt64, byteCount: Int) {
    let passed = state.withLock { state in
      state.held.append((file, offset, byteCount))
      state.heldByteCount += byteCount
      var passed: [(file: PassingFile, offset: UInt64)] = []
      while state.heldByteCount > heldByteCountMax, !state.isKeeping {
        let oldest = state.held[state.first]
        passed.append((oldest.file, oldest.offset))
        state.heldByteCount -= oldest.byteCount
        state.first += 1
      }
      if state.first > 1024 {
        state.held.removeFirst(state.first)
        state.first = 0
      }
      return passed
    }
    for piece in passed { piece.file.drop(at: piece.offset) }
  }

  func open(_ name: String, _ mode: DiskOpenMode) throws(SystemError) -> any DiskFile {
    let file = state.withLock { state in
      if mode == .create { state.files[name] = PassingFile(self) }
      return state.files[name]
    }
    guard let file else { throw .missing(call: "open", path: name) }
    return file
  }

  func remove(_ name: String) throws(SystemError) {
    state.withLock { _ = $0.files.removeValue(forKey: name) }
  }

  // Segments are made and read; nothing else is asked of it.
  func list(_ directory: String) throws(SystemError) -> [String] { [] }
  func makeDirectory(_ name: String) throws(SystemError) {}
  func rename(_ source: String, to target: String) throws(SystemError) {
    throw .missing(call: "rename", path: source)
  }
  func syncDirectory(_ name: String) throws(SystemError) {}
  func freeByteCount() throws(SystemError) -> UInt64 { .max }
  func allocatedByteCount() throws(SystemError) -> UInt64 { 0 }
  func lock(exclusively: Bool) throws(SystemError) -> any DiskLock { PassingLock() }
}

private final class PassingLock: DiskLock {}

/// A file that grows at its end.
private final class PassingFile: DiskFile {
  private struct State: Sendable {
    var pieces: [UInt64: [UInt8]] = [:]
    var byteCount: UInt64 = 0
  }

  // The disk outlives whoever writes to it.
  private unowned let disk: PassingDisk
  private let state = Mutex(State())

  init(_ disk: PassingDisk) { self.disk = disk }

  func drop(at offset: UInt64) { state.withLock { _ = $0.pieces.removeValue(forKey: offset) } }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(SystemError)
    -> Int
  {
    state.withLock { state in
      for (start, piece) in state.pieces
      where start <= offset && offset - start < UInt64(piece.count) {
        let begin = Int(offset - start)
        let count = min(buffer.count, piece.count - begin)
        buffer.copyBytes(from: piece[begin..<begin + count])
        return count
      }
      return 0
    }
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SystemError) {
    state.withLock { state in
      state.pieces[offset] = Array(bytes)
      state.byteCount = max(state.byteCount, offset + UInt64(bytes.count))
    }
    disk.hold(self, offset: offset, byteCount: bytes.count)
  }

  func byteCount() throws(SystemError) -> UInt64 { state.withLock { $0.byteCount } }
  func sync() throws(SystemError) {}
  func truncate(to byteCount: UInt64) throws(SystemError) {}
  func allocate(offset: UInt64, byteCount: UInt64) throws(SystemError) {}
  func beginWriteback(offset: UInt64, byteCount: UInt64) {}
  func beginReading(offset: UInt64, byteCount: UInt64) {}
}
