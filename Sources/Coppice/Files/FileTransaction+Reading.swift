internal import CoppiceEngine

/// What a file is after the changes so far.
extension FileTransaction {
  /// Throws `notFound`; `invalid` with reason `notDirectory`.
  public func lookup(
    _ name: FileName, in directory: FileID
  ) throws(StoreError) -> DirectoryEntry {
    guard let entry = try lookupIfPresent(name, in: directory) else {
      throw .noSuchFile(name.description)
    }
    return entry
  }

  /// As `lookup`; `nil` where there is no such name.
  public func lookupIfPresent(
    _ name: FileName, in directory: FileID
  ) throws(StoreError) -> DirectoryEntry? {
    _ = try names.directoryInode(of: directory)
    return try names.entry(name, in: directory)
  }

  /// As `FileTree.lookup`.
  public func lookup(
    _ path: BranchPath, followingLinks: Bool = false
  ) throws(StoreError) -> FileID {
    var resolver = PathResolver(names: names, path: path, followsLast: followingLinks)
    return try resolver.resolve()
  }

  /// As `FileTree.readDirectory`.
  public func readDirectory(
    _ directory: FileID, after: FileName? = nil, limit: Int = .max
  ) throws(StoreError) -> [DirectoryEntry] {
    _ = try names.directoryInode(of: directory)
    return try names.entries(of: directory, after: after, limit: limit)
  }

  /// Throws `notFound`.
  public func attributes(of file: FileID) throws(StoreError) -> FileAttributes {
    try attributes(names.inode(of: file), of: file)
  }

  /// The names of a file's extended attributes, sorted. Throws `notFound`.
  public func extendedAttributeNames(of file: FileID) throws(StoreError) -> [AttributeName] {
    _ = try names.inode(of: file)
    return try names.attributeNames(of: file)
  }

  /// The value of an extended attribute; `nil` where the file has none of that name. Throws
  /// `notFound`.
  public func extendedAttributeIfPresent(
    _ name: AttributeName, of file: FileID
  ) throws(StoreError) -> [UInt8]? {
    _ = try names.inode(of: file)
    return try names.attributeValue(name, of: file)
  }

  /// Reads from `offset` up to the end of the file; returns how many bytes. Holes read as zero.
  /// Takes time in proportion to what the transaction has written, too.
  public func read(
    _ file: FileID, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(StoreError) -> Int {
    _ = try names.regularInode(of: file)
    let end = try volume(of: file)?.byteCount ?? 0
    guard offset < end else { return 0 }
    let count = min(buffer.count, Int(clamping: end - offset))
    let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
    let storedCount = try core.space.read(file.volume, at: offset, into: part)
    UnsafeMutableRawBufferPointer(rebasing: part[storedCount...])
      .initializeMemory(as: UInt8.self, repeating: 0)
    operations.apply(to: part, of: file.volume, at: offset)
    return count
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
}

extension [UInt8] {
  /// What `read` puts into a buffer of that many bytes.
  init(
    readingAtMost byteCount: Int,
    _ read: (UnsafeMutableRawBufferPointer) throws(StoreError) -> Int
  ) throws(StoreError) {
    var failure: StoreError?
    self.init(unsafeUninitializedCapacity: byteCount) { buffer, count in
      do throws(StoreError) { count = try read(UnsafeMutableRawBufferPointer(buffer)) } catch {
        failure = error
      }
    }
    if let failure { throw failure }
  }
}
