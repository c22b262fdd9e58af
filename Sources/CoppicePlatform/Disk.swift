/// The files below one directory: the only way the store reaches a device.
///
/// Names are relative paths with `/` between components, without `..`. A write is durable once a
/// later `sync` of its file returned; a creation, renaming or removal once a later
/// `syncDirectory` of its directory returned. All methods may be called from any thread.
public protocol Disk: AnyObject, Sendable {
  /// Opens a file. With `.create` it must not exist yet.
  func open(_ name: String, _ mode: DiskOpenMode) throws(SystemError) -> any DiskFile
  /// Names in a directory, sorted; an empty array when it is missing.
  func list(_ directory: String) throws(SystemError) -> [String]
  func makeDirectory(_ name: String) throws(SystemError)
  /// Replaces `target` atomically if it exists.
  func rename(_ source: String, to target: String) throws(SystemError)
  func remove(_ name: String) throws(SystemError)
  /// Makes creations, renamings and removals in the directory durable. "" is the top.
  func syncDirectory(_ name: String) throws(SystemError)
  /// Bytes that a write could still take on the file system.
  func freeByteCount() throws(SystemError) -> UInt64
  /// Bytes of the blocks that all files and directories of the disk take.
  func allocatedByteCount() throws(SystemError) -> UInt64
  /// Takes the whole-directory lock until the returned object is released.
  /// Throws `EAGAIN` when another process holds it in a conflicting way.
  func lock(exclusively: Bool) throws(SystemError) -> any DiskLock
}

public enum DiskOpenMode: Sendable, Hashable {
  case read
  /// Reading and writing an existing file through the page cache.
  case write
  /// Reading and writing an existing file past the page cache where the file system can
  /// (offsets, counts and addresses are then multiples of 4096); buffered elsewhere.
  case writeDirect
  /// A new file for reading and writing through the page cache.
  case create
  /// A new file as with `writeDirect`.
  case createDirect
}

/// An open file; closes when released. All methods may be called from any thread.
public protocol DiskFile: AnyObject, Sendable {
  /// Fills as much of `buffer` as the file holds from `offset` on; returns how much.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(SystemError)
    -> Int
  /// Writes all of `bytes`.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SystemError)
  /// Makes all written bytes and the file's byte count durable.
  func sync() throws(SystemError)
  func byteCount() throws(SystemError) -> UInt64
  func truncate(to byteCount: UInt64) throws(SystemError)
  /// Allocates blocks for the range and extends the file; the new bytes read as zero.
  func allocate(offset: UInt64, byteCount: UInt64) throws(SystemError)
  /// Asks the kernel to begin writing the range to the device; no promise.
  func beginWriteback(offset: UInt64, byteCount: UInt64)
  /// Asks the kernel to begin reading the range from the device; no promise.
  func beginReading(offset: UInt64, byteCount: UInt64)
}

/// Held while an object of this type lives.
public protocol DiskLock: AnyObject, Sendable {}
