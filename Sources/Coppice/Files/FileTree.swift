internal import CoppiceEngine
package import CoppiceFormat

/// The files of a branch or snapshot, for reading.
///
/// Files are named by their `FileID`, which stays valid through renames; paths are resolved where
/// they are given. A method that reads names or attributes sees one state of them, never half of a
/// change; content is read page by page. Of a branch that others write to, two calls may see two
/// states, and so may a read of several pages: whoever needs them to agree reads a `moment()`. All
/// methods may be called from any thread. Errors besides those listed: `corrupt` for damaged
/// storage, `unavailable` once the store is closed.
public class FileTree: @unchecked Sendable {
  // Unchecked only because the class is not final: it holds nothing but constants.
  /// What the tree reads and writes through.
  package let core: TreeCore
  let entry: any EntryHandle

  /// The tree of an entry; the caller keeps one for each entry.
  package init(core: TreeCore, entry: any EntryHandle) {
    self.core = core
    self.entry = entry
  }

  /// The entry's name in the store: `main`, or `main@monday` for a snapshot.
  public var name: String { entry.name }
  /// The identity of the entry: it survives renaming and is never reused.
  public var id: UInt64 { entry.id.rawValue }
  /// Whether the entry is a snapshot.
  public var isSnapshot: Bool { entry.isSnapshot }
  /// Whether nothing here can be written: a snapshot, or the store was opened so.
  public var isReadOnly: Bool { entry.isReadOnly }
  /// Bytes of a page of the store.
  public var pageByteCount: Int { core.pageByteCount }
  /// How many `File` objects of this tree are open.
  public var openFileCount: Int { core.uses.openCount }

  // MARK: Names

  /// The file that a name of a directory leads to. Throws `notFound`, also for the directory;
  /// `invalid` with reason `notDirectory`.
  public func lookup(
    _ name: FileName, in directory: FileID
  ) throws(StoreError) -> DirectoryEntry {
    guard let entry = try lookupIfPresent(name, in: directory) else {
      throw .noSuchFile(name.description)
    }
    return entry
  }

  /// As `lookup`; `nil` where the directory has no such name.
  public func lookupIfPresent(
    _ name: FileName, in directory: FileID
  ) throws(StoreError) -> DirectoryEntry? {
    try core.read { names throws(StoreError) in
      if let entry = try names.entry(name, in: directory) { return entry }
      _ = try names.directoryInode(of: directory)
      return nil
    }
  }

  /// The file at the end of a path. Symbolic links on the way are followed, the last one only with
  /// `followingLinks`; an absolute target starts at the tree's root. Throws `notFound`;
  /// `invalid` with reason `notDirectory` or `linkLoop`.
  public func lookup(
    _ path: BranchPath, followingLinks: Bool = false
  ) throws(StoreError) -> FileID {
    try core.read { names throws(StoreError) in
      var resolver = PathResolver(names: names, path: path, followsLast: followingLinks)
      return try resolver.resolve()
    }
  }

  /// Entries sorted by the bytes of their names, without `.` and `..`.
  /// - Parameters:
  ///   - after: only names behind this one, which need not exist (any more).
  ///   - limit: at most so many.
  public func readDirectory(
    _ directory: FileID, after: FileName? = nil, limit: Int = .max
  ) throws(StoreError) -> [DirectoryEntry] {
    try core.read { names throws(StoreError) in
      _ = try names.directoryInode(of: directory)
      return try names.entries(of: directory, after: after, limit: limit)
    }
  }

  /// The directory that a directory is in; the root is in itself.
  public func parent(of directory: FileID) throws(StoreError) -> FileID {
    try core.read { names throws(StoreError) in
      FileID(try names.directoryInode(of: directory).parent)
    }
  }

  /// A path that leads to the file; `nil` for one without a name, and for one whose hint at a
  /// directory no longer holds. Takes time in proportion to the directories on the way.
  public func path(of file: FileID) throws(StoreError) -> BranchPath? {
    try core.read { names throws(StoreError) in try names.path(of: file) }
  }

  // MARK: Attributes

  /// What a file is. Throws `notFound`.
  public func attributes(of file: FileID) throws(StoreError) -> FileAttributes {
    let inode = try core.read { names throws(StoreError) in try names.inode(of: file) }
    return try attributes(inode, of: file)
  }

  /// As `attributes(of:)`, of what a name leads to; `nil` where the directory has no such name.
  public func attributes(
    of name: FileName, in directory: FileID
  ) throws(StoreError) -> FileAttributes? {
    let found = try core.read { names throws(StoreError) -> (FileID, InodeRecord)? in
      guard let entry = try names.entry(name, in: directory) else {
        _ = try names.directoryInode(of: directory)
        return nil
      }
      return (entry.file, try names.inode(of: entry.file))
    }
    guard let (file, inode) = found else { return nil }
    return try attributes(inode, of: file)
  }

  private func attributes(
    _ inode: InodeRecord, of file: FileID
  ) throws(StoreError) -> FileAttributes {
    let isRegular = inode.kind == FileKind.regular.rawValue
    return FileAttributes(
      inode, of: file, volume: isRegular ? try core.space.attributes(of: file.volume) : nil)
  }

  /// The target of a symbolic link, as it was stored. Throws `invalid` for other files.
  public func symbolicLinkTarget(of file: FileID) throws(StoreError) -> [UInt8] {
    let inode = try core.read { names throws(StoreError) in try names.inode(of: file) }
    guard inode.kind == FileKind.symbolicLink.rawValue else {
      throw StoreError(.invalid, "not a symbolic link", object: file.description)
    }
    return inode.target
  }

  /// The names of a file's extended attributes, sorted. Throws `notFound`.
  public func extendedAttributeNames(of file: FileID) throws(StoreError) -> [AttributeName] {
    try core.read { names throws(StoreError) in
      _ = try names.inode(of: file)
      return try names.attributeNames(of: file)
    }
  }

  /// Throws `notFound`, with reason `noAttribute` when the file is there.
  public func extendedAttribute(
    _ name: AttributeName, of file: FileID
  ) throws(StoreError) -> [UInt8] {
    guard let value = try extendedAttributeIfPresent(name, of: file) else {
      throw .noAttribute(name.description)
    }
    return value
  }

  /// As `extendedAttribute`; `nil` where the file has none of that name.
  public func extendedAttributeIfPresent(
    _ name: AttributeName, of file: FileID
  ) throws(StoreError) -> [UInt8]? {
    try core.read { names throws(StoreError) in
      if let value = try names.attributeValue(name, of: file) { return value }
      _ = try names.inode(of: file)
      return nil
    }
  }

  /// What an import noted of the file's source.
  package func importStamp(of file: FileID) throws(StoreError) -> ImportStampRecord? {
    try core.read { names throws(StoreError) in try names.inode(of: file).importStamp }
  }

  // MARK: Content

  /// Opens a regular file. Throws `notFound`; `invalid` for other kinds.
  public func open(_ file: FileID) throws(StoreError) -> File {
    try File(file, in: self)
  }

  /// Reads from `offset` up to the end of the file; returns how many bytes. Holes read as zero.
  public func read(
    _ file: FileID, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(StoreError) -> Int {
    _ = try core.read { names throws(StoreError) in try names.regularInode(of: file) }
    do throws(StoreError) {
      return try core.space.read(file.volume, at: offset, into: buffer)
    } catch {
      throw naming(file, in: error)
    }
  }

  /// A failure to read a file's content with the file as its object: what lies below has no names.
  func naming(_ file: FileID, in error: StoreError) -> StoreError {
    guard error.kind == .corrupt else { return error }
    var named = error
    // A tree of names that is damaged too tells nothing.
    let path = (try? path(of: file))?.description ?? file.description
    named.object = "\(name):\(path)"
    named.cause = [error.object, error.cause].compactMap(\.self).joined(separator: ": ")
    return named
  }

  /// At most `byteCount` bytes from `offset` on, in memory.
  public func read(
    _ file: FileID, at offset: UInt64 = 0, byteCount: Int = .max
  ) throws(StoreError) -> [UInt8] {
    let end = try attributes(of: file).byteCount
    let rest = offset < end ? Int(clamping: end - offset) : 0
    return try [UInt8](readingAtMost: min(rest, byteCount)) { buffer throws(StoreError) in
      try read(file, at: offset, into: buffer)
    }
  }

  /// About how many bytes of the content are stored: never fewer than are, at most the byte count,
  /// and fewer than that where the file has large holes. Costs little, so that listings can show
  /// it.
  public func storedByteCount(of file: FileID) throws(StoreError) -> UInt64 {
    try core.space.storedByteCount(of: file.volume)
  }

  /// Where the content is stored and where it has holes, in order and without gaps, as far as it
  /// lies in `range`. Holes are whole pages.
  public func extents(
    of file: FileID, in range: Range<UInt64>? = nil
  ) throws(StoreError) -> [Extent] {
    _ = try core.read { names throws(StoreError) in try names.regularInode(of: file) }
    return try core.extents(of: file, in: range ?? 0..<UInt64.max)
  }
}

/// A read-only entry of a store, for ever as its branch was at one moment.
public final class Snapshot: FileTree, @unchecked Sendable {}
