internal import CLinux
internal import Glibc

/// An open file of the machine's file system, outside any store. All methods may be called from any
/// thread.
public final class HostFile: Sendable {
  /// For messages: the path it was reached by.
  public let path: String
  /// Open as long as this object lives.
  public let fileDescriptor: Int32

  /// Takes over an open descriptor.
  public init(owning fileDescriptor: Int32, path: String) {
    self.fileDescriptor = fileDescriptor
    self.path = path
  }

  deinit { close(fileDescriptor) }

  public func status() throws(SystemError) -> HostStatus {
    var raw = clinux_status()
    try system("stat", path) { clinux_status(fileDescriptor, "", &raw) }
    return try HostStatus(raw, path: path)
  }

  /// Fills as much of `buffer` as the file holds from `offset` on; returns how much.
  public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64)
    throws(SystemError) -> Int
  {
    try fill(buffer, "pread") { pread(fileDescriptor, $0, $1, off_t(clamping: offset) + $2) }
  }

  /// Fills as much of `buffer` as still comes from a stream (pipe, socket, terminal).
  public func readNext(into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int {
    try fill(buffer, "read") { start, count, _ in Glibc.read(fileDescriptor, start, count) }
  }

  /// As `readNext(into:)`. While nothing comes, `isWanted` is asked some times a second; throws
  /// `ECANCELED` once it says no.
  public func readNext(
    into buffer: UnsafeMutableRawBufferPointer, while isWanted: () -> Bool
  ) throws(SystemError) -> Int {
    try fill(buffer, "read") { start, count, _ in
      wait(for: Int16(POLLIN), while: isWanted) ? Glibc.read(fileDescriptor, start, count) : -1
    }
  }

  /// Waits until a stream is ready, or has ended. Returns false with `errno` set when it failed, or
  /// is no longer wanted.
  private func wait(for events: Int16, while isWanted: () -> Bool) -> Bool {
    var item = pollfd(fd: fileDescriptor, events: events, revents: 0)
    while true {
      let count = poll(&item, 1, 200)
      if count != 0 { return count > 0 }
      guard isWanted() else {
        errno = ECANCELED
        return false
      }
    }
  }

  /// Reads what a stream has now; waits while it has nothing. Returns 0 at its end.
  ///
  /// - Parameter isWanted: as `readNext(into:while:)` asks it.
  public func readSome(
    into buffer: UnsafeMutableRawBufferPointer, while isWanted: () -> Bool = { true }
  ) throws(SystemError) -> Int {
    try system("read", path) {
      wait(for: Int16(POLLIN), while: isWanted)
        ? Glibc.read(fileDescriptor, buffer.baseAddress, buffer.count) : -1
    }
  }

  private func fill(
    _ buffer: UnsafeMutableRawBufferPointer, _ call: String,
    _ body: (_ start: UnsafeMutableRawPointer, _ count: Int, _ done: Int) -> Int
  ) throws(SystemError) -> Int {
    var done = 0
    while done < buffer.count, let start = buffer.baseAddress {
      let count = try system(call, path) { body(start + done, buffer.count - done, done) }
      if count == 0 { break }
      done += count
    }
    return done
  }

  public func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SystemError) {
    try drain(bytes, "pwrite") { pwrite(fileDescriptor, $0, $1, off_t(clamping: offset) + $2) }
  }

  /// Writes all of `bytes` to a stream.
  public func writeNext(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
    try drain(bytes, "write") { start, count, _ in Glibc.write(fileDescriptor, start, count) }
  }

  /// As `writeNext(_:)`. While the stream takes nothing, `isWanted` is asked some times a second;
  /// throws `ECANCELED` once it says no. Only a stream opened without blocking is sure to be asked
  /// for.
  public func writeNext(
    _ bytes: UnsafeRawBufferPointer, while isWanted: () -> Bool
  ) throws(SystemError) {
    try drain(bytes, "write") { start, count, _ in
      wait(for: Int16(POLLOUT), while: isWanted) ? Glibc.write(fileDescriptor, start, count) : -1
    }
  }

  private func drain(
    _ bytes: UnsafeRawBufferPointer, _ call: String,
    _ body: (_ start: UnsafeRawPointer, _ count: Int, _ done: Int) -> Int
  ) throws(SystemError) {
    var done = 0
    while done < bytes.count, let start = bytes.baseAddress {
      done += try system(call, path) { body(start + done, bytes.count - done, done) }
    }
  }

  public func truncate(to byteCount: UInt64) throws(SystemError) {
    try system("ftruncate", path) { ftruncate(fileDescriptor, off_t(clamping: byteCount)) }
  }

  /// Frees the blocks of a range, which then reads as zero; the byte count stays.
  public func punchHole(_ range: Range<UInt64>) throws(SystemError) {
    guard !range.isEmpty else { return }
    try system("fallocate", path) {
      clinux_punch_hole(fileDescriptor, Int64(range.lowerBound), Int64(range.count))
    }
  }

  /// The first range at or after `offset` that is no hole, as far as the file system tells; `nil`
  /// when there is none up to the end of the file.
  public func nextData(from offset: UInt64) throws(SystemError) -> Range<UInt64>? {
    do throws(SystemError) {
      let start = try system("lseek", path) { clinux_seek_data(fileDescriptor, Int64(offset)) }
      let end = try system("lseek", path) { clinux_seek_hole(fileDescriptor, start) }
      return UInt64(start)..<UInt64(end)
    } catch {
      if error.code == ENXIO { return nil }
      throw error
    }
  }

  /// Takes the lock of the whole file without waiting; it is held as long as this object lives.
  /// Returns false when another open file has it.
  public func tryLock() throws(SystemError) -> Bool {
    do throws(SystemError) {
      try system("lock", path) { clinux_lock(fileDescriptor, 1) }
      return true
    } catch {
      if error.code == EAGAIN || error.code == EACCES { return false }
      throw error
    }
  }

  /// Makes all written bytes durable.
  public func sync() throws(SystemError) {
    try system("fsync", path) { fsync(fileDescriptor) }
  }
}
