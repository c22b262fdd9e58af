internal import CoppiceEngine
internal import CoppiceFormat
internal import Synchronization

/// An open regular file of a branch or snapshot.
///
/// While it is open the file lives on, even when it loses its last name. Reads and writes at
/// offsets may be made from many threads at once; each write is one atomic change. Once the branch
/// is reset, replaced or deleted underneath, everything but `close` throws `unavailable` with
/// reason `stale`.
public final class File: Sendable {
  /// Which file it is.
  public let id: FileID
  /// The branch or snapshot it was opened in.
  public let tree: FileTree
  let core: TreeCore
  private let epoch: UInt64
  private let generation: UInt64
  private let isOpen = Atomic<Bool>(true)
  /// The version of the names in which the file was seen to give no privileges; an odd one is none.
  private let unprivilegedVersion = Atomic<UInt64>(1)

  init(_ id: FileID, in tree: FileTree) throws(StoreError) {
    self.id = id
    self.tree = tree
    core = tree.core
    epoch = tree.core.epoch
    generation = tree.core.generation
    while !core.uses.open(id) { core.waitForWriter() }
    do throws(StoreError) {
      _ = try core.read { names throws(StoreError) in try names.regularInode(of: id) }
    } catch {
      close()
      throw error
    }
  }

  deinit { close() }

  func check() throws(StoreError) {
    guard isOpen.load(ordering: .relaxed) else {
      throw StoreError(.invalid, "the file was closed", object: id.description)
    }
    guard epoch == core.epoch else { throw .stale(tree.name) }
  }

  func checkWritable() throws(StoreError) {
    try check()
    try tree.entry.checkWritable()
  }

  /// Reads from `offset` up to the end of the file; returns how many bytes. Holes read as zero.
  public func read(
    at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(StoreError) -> Int {
    try check()
    do throws(StoreError) {
      return try core.space.read(id.volume, at: offset, into: buffer)
    } catch {
      throw tree.naming(id, in: error)
    }
  }

  /// Writes all bytes, or none; behind the end the file grows, with a hole up to them.
  /// At most 32 MiB at once. Acknowledged like a write to a disk cache: durable after `flush`.
  public func write(
    at offset: UInt64, _ bytes: UnsafeRawBufferPointer
  ) throws(StoreError) {
    try checkWritable()
    try core.write(id, at: offset, bytes, in: generation)
  }

  /// Cuts the content, or extends it with a hole.
  public func truncate(to byteCount: UInt64) throws(StoreError) {
    try checkWritable()
    _ = try core.end(byteCount, 0)
    try core.admitGrowth(of: id, to: byteCount)
    try core.commitContent(of: id, in: generation) { operations in
      operations.resize(id.volume, to: byteCount)
    }
  }

  /// Makes a range read as zero and gives up the space of whole pages in it. The byte count stays.
  public func punchHole(_ range: Range<UInt64>) throws(StoreError) {
    try checkWritable()
    let byteCount = try core.space.attributes(of: id.volume)?.byteCount ?? 0
    let end = min(range.upperBound, byteCount)
    guard range.lowerBound < end else { return }
    try core.commitContent(of: id, in: generation) { operations in
      operations.hole(id.volume, at: range.lowerBound, byteCount: end - range.lowerBound)
    }
  }

  /// How many bytes the content has now.
  public func byteCount() throws(StoreError) -> UInt64 {
    try check()
    return try core.space.attributes(of: id.volume)?.byteCount ?? 0
  }

  /// Whether running the file gives privileges: set-user-ID and set-group-ID bits, or capabilities.
  /// Costs nothing more as long as no names and attributes of the branch change.
  package func givesPrivileges() throws(StoreError) -> Bool {
    try check()
    let version = core.cache.version
    if version == unprivilegedVersion.load(ordering: .relaxed) { return false }
    let gives = try core.read { names throws(StoreError) -> Bool in
      if try names.inode(of: id).permissions & 0o6000 != 0 { return true }
      return try names.attributeValue("security.capability", of: id) != nil
    }
    if !gives, version.isMultiple(of: 2), core.cache.version == version {
      unprivilegedVersion.store(version, ordering: .relaxed)
    }
    return gives
  }

  /// As `FileTree.attributes(of:)`.
  public func attributes() throws(StoreError) -> FileAttributes {
    try check()
    return try tree.attributes(of: id)
  }

  /// As `FileTree.extents`.
  public func extents(in range: Range<UInt64>? = nil) throws(StoreError) -> [Extent] {
    try check()
    return try core.extents(of: id, in: range ?? 0..<UInt64.max)
  }

  /// Returns once all that was changed of the file before the call survives a power cut: content,
  /// attributes and names. Costs nothing when it already does.
  public func flush() throws(StoreError) {
    try check()
    try core.flush(id)
  }

  /// Ends this use of the file; the last one of a file without a name removes it. Calling it again
  /// does nothing; releasing the object does the same.
  public func close() {
    guard isOpen.exchange(false, ordering: .acquiringAndReleasing) else { return }
    guard core.uses.close(id), epoch == core.epoch else { return }
    core.removeAbandoned([id])
  }
}
