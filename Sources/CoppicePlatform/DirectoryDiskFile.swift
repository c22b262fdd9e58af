internal import CLinux
internal import Glibc
internal import Synchronization

/// A file of a `DirectoryDisk`.
final class DirectoryDiskFile: DiskFile {
  private let name: String
  private let fileDescriptor: Int32
  /// Whether callers keep to whole blocks, also where the file system then turned out buffered.
  private let isAligned: Bool
  private let isDirect: Atomic<Bool>

  /// Takes over the descriptor.
  init(name: String, fileDescriptor: Int32, isDirect: Bool) {
    self.name = name
    self.fileDescriptor = fileDescriptor
    isAligned = isDirect
    self.isDirect = Atomic(isDirect)
  }

  deinit { close(fileDescriptor) }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(SystemError)
    -> Int
  {
    checkAlignment(UnsafeRawBufferPointer(buffer), offset)
    var done = 0
    while done < buffer.count, let start = buffer.baseAddress {
      let count = pread(
        fileDescriptor, start + done, buffer.count - done, off_t(clamping: offset) + done)
      if count > 0 {
        done += count
      } else if count == 0 {
        break
      } else {
        try recover("pread")
      }
    }
    return done
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SystemError) {
    checkAlignment(bytes, offset)
    var done = 0
    while done < bytes.count, let start = bytes.baseAddress {
      let count = pwrite(
        fileDescriptor, start + done, bytes.count - done, off_t(clamping: offset) + done)
      if count >= 0 {
        done += count
        // A short direct write can end inside a block; the rest must then go through the cache.
        if done < bytes.count, done % 4096 != 0 { leaveDirect() }
      } else {
        try recover("pwrite")
      }
    }
  }

  /// Returns when the call that has just failed should run again.
  private func recover(_ call: String) throws(SystemError) {
    if errno == EINTR { return }
    if errno == EINVAL, isDirect.load(ordering: .relaxed) { return leaveDirect() }
    throw SystemError(lastOf: call, name)
  }

  /// Goes on through the page cache. `sync` makes such writes as durable as direct ones.
  private func leaveDirect() {
    if isDirect.exchange(false, ordering: .relaxed) { _ = clinux_clear_direct(fileDescriptor) }
  }

  private func checkAlignment(_ bytes: UnsafeRawBufferPointer, _ offset: UInt64) {
    guard isAligned else { return }
    let bits = UInt(bitPattern: bytes.baseAddress) | UInt(bytes.count) | UInt(offset)
    precondition(bits & 4095 == 0, "direct access to \(name) in parts of blocks")
  }

  func sync() throws(SystemError) {
    try system("fdatasync", name) { fdatasync(fileDescriptor) }
  }

  func byteCount() throws(SystemError) -> UInt64 {
    var status = stat()
    try system("fstat", name) { fstat(fileDescriptor, &status) }
    return UInt64(status.st_size)
  }

  func truncate(to byteCount: UInt64) throws(SystemError) {
    try system("ftruncate", name) { ftruncate(fileDescriptor, off_t(clamping: byteCount)) }
  }

  /// Where the file system cannot allocate, bytes past the end are written as zeros; what the file
  /// already holds is left as it is.
  func allocate(offset: UInt64, byteCount: UInt64) throws(SystemError) {
    do throws(SystemError) {
      try system("fallocate", name) {
        clinux_fallocate(fileDescriptor, Int64(clamping: offset), Int64(clamping: byteCount))
      }
    } catch {
      guard error.isUnsupported else { throw error }
      try extendWithZeros(to: offset + byteCount)
    }
  }

  private func extendWithZeros(to end: UInt64) throws(SystemError) {
    let zeros = AlignedBuffer(byteCountMin: 1 << 20)
    zeros.appendZeros(1 << 20)
    let start = try byteCount()
    // Rewriting part of a block would need its bytes; a direct file ends at a block here.
    var position = start
    while position < end {
      let count = Int(min(end - position, UInt64(zeros.byteCount)))
      try write(UnsafeRawBufferPointer(rebasing: zeros.contents[..<count]), at: position)
      position += UInt64(count)
    }
  }

  func beginWriteback(offset: UInt64, byteCount: UInt64) {
    _ = clinux_begin_writeback(fileDescriptor, Int64(clamping: offset), Int64(clamping: byteCount))
  }

  func beginReading(offset: UInt64, byteCount: UInt64) {
    clinux_begin_reading(fileDescriptor, Int64(clamping: offset), Int64(clamping: byteCount))
  }
}
