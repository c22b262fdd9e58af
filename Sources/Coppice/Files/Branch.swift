internal import CoppicePlatform

/// A branch: files that can be changed.
///
/// Each method here is one atomic change; `transaction` makes one of several. Changes are visible
/// at once to all who read the branch, and survive a power cut after `flush`. Writers of names and
/// attributes take turns; writers of content do not wait for them. On a store opened for reading
/// only every change throws `denied` with reason `readOnlyTree`. Besides what is listed changes
/// throw `full` when there is no room, and `unavailable` after a failure of the journal.
public final class Branch: FileTree, @unchecked Sendable {
  /// Runs `body` and commits all it did, or nothing when it throws.
  ///
  /// One transaction runs at a time on a branch, so what `body` reads through it and then changes
  /// was not changed by another one in between. `body` must not wait for other writers. It traps
  /// when it calls the branch's own changing methods, or opens or closes files of it that lose
  /// their last name.
  public func transaction<Result>(
    _ body: (FileTransaction) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    try entry.checkWritable()
    return try core.update(body)
  }

  /// As the one above, for a `body` that throws errors of its own: these come out as they are.
  public func transaction<Result>(
    _ body: (FileTransaction) throws -> Result
  ) throws -> Result {
    var thrown: (any Error)?
    do throws(StoreError) {
      return try transaction { changes throws(StoreError) -> Result in
        do { return try body(changes) } catch {
          thrown = error
          throw StoreError(.invalid, "the transaction was given up")
        }
      }
    } catch {
      throw thrown ?? error
    }
  }

  // MARK: Creating

  /// As `FileTransaction.createFile`; so for the other methods that have a namesake there.
  @discardableResult
  public func createFile(
    _ name: FileName, in directory: FileID, _ new: NewFile = NewFile()
  ) throws(StoreError) -> FileAttributes {
    try transaction { changes throws(StoreError) in
      try changes.createFile(name, in: directory, new)
    }
  }

  /// As `FileTransaction.createDirectory`.
  @discardableResult
  public func createDirectory(
    _ name: FileName, in directory: FileID, _ new: NewFile = NewFile(permissions: 0o755)
  ) throws(StoreError) -> FileAttributes {
    try transaction { changes throws(StoreError) in
      try changes.createDirectory(name, in: directory, new)
    }
  }

  /// As `FileTransaction.createSymbolicLink`.
  @discardableResult
  public func createSymbolicLink(
    _ name: FileName, in directory: FileID, target: [UInt8],
    _ new: NewFile = NewFile(permissions: 0o777)
  ) throws(StoreError) -> FileAttributes {
    try transaction { changes throws(StoreError) in
      try changes.createSymbolicLink(name, in: directory, target: target, new)
    }
  }

  /// As `FileTransaction.createSpecialFile`.
  @discardableResult
  public func createSpecialFile(
    _ name: FileName, in directory: FileID, kind: FileKind, device: UInt64 = 0,
    _ new: NewFile = NewFile()
  ) throws(StoreError) -> FileAttributes {
    try transaction { changes throws(StoreError) in
      try changes.createSpecialFile(name, in: directory, kind: kind, device: device, new)
    }
  }

  /// As `FileTransaction.link`.
  @discardableResult
  public func link(
    _ file: FileID, as name: FileName, in directory: FileID
  ) throws(StoreError) -> FileAttributes {
    try transaction { changes throws(StoreError) in
      try changes.link(file, as: name, in: directory)
    }
  }

  // MARK: Removing and moving

  /// As `FileTransaction.remove`.
  public func remove(_ name: FileName, in directory: FileID) throws(StoreError) {
    try transaction { changes throws(StoreError) in try changes.remove(name, in: directory) }
  }

  /// As `FileTransaction.removeDirectory`.
  public func removeDirectory(_ name: FileName, in directory: FileID) throws(StoreError) {
    try transaction { changes throws(StoreError) in
      try changes.removeDirectory(name, in: directory)
    }
  }

  /// Removes a name and all below it, however much that is.
  ///
  /// A tree of up to about 1024 names goes in one atomic change. Of a larger one the name goes in
  /// one, and the rest, which nothing leads to any more, in pieces. When the call does not come to
  /// its end, by an error or a crash, the name is gone all the same, and the next opening of the
  /// store removes what is left. A branch or snapshot that is made meanwhile has the rest too: the
  /// branch until it is next opened, the snapshot as long as it lives.
  ///
  /// - Parameter isCancelled: asked before each piece, whether to end early with `unavailable`.
  public func removeTree(
    _ name: FileName, in directory: FileID, isCancelled: (() -> Bool)? = nil
  ) throws(StoreError) {
    try entry.checkWritable()
    try core.removeTree(name, in: directory, isCancelled: isCancelled)
  }

  /// As `FileTransaction.rename`.
  public func rename(
    _ name: FileName, in source: FileID, to newName: FileName, in target: FileID,
    _ rule: RenameRule = .replace
  ) throws(StoreError) {
    try transaction { changes throws(StoreError) in
      try changes.rename(name, in: source, to: newName, in: target, rule)
    }
  }

  // MARK: Attributes

  /// As `FileTransaction.setAttributes`.
  @discardableResult
  public func setAttributes(
    of file: FileID, _ changes: AttributeChanges
  ) throws(StoreError) -> FileAttributes {
    try transaction { transaction throws(StoreError) in
      try transaction.setAttributes(of: file, changes)
    }
  }

  /// As `FileTransaction.setExtendedAttribute`.
  public func setExtendedAttribute(
    _ name: AttributeName, of file: FileID, to value: [UInt8], _ rule: AttributeRule = .set
  ) throws(StoreError) {
    try transaction { changes throws(StoreError) in
      try changes.setExtendedAttribute(name, of: file, to: value, rule)
    }
  }

  /// As `FileTransaction.removeExtendedAttribute`.
  public func removeExtendedAttribute(
    _ name: AttributeName, of file: FileID
  ) throws(StoreError) {
    try transaction { changes throws(StoreError) in
      try changes.removeExtendedAttribute(name, of: file)
    }
  }

  // MARK: Content

  /// Writes all bytes, or none; at most 32 MiB at once. An open `File` does this faster.
  public func write(
    _ file: FileID, at offset: UInt64, _ bytes: UnsafeRawBufferPointer
  ) throws(StoreError) {
    try entry.checkWritable()
    let generation = core.generation
    _ = try core.read { names throws(StoreError) in try names.regularInode(of: file) }
    try core.write(file, at: offset, bytes, in: generation)
  }

  /// Writes all bytes, or none; at most 32 MiB at once.
  public func write(
    _ file: FileID, at offset: UInt64, _ bytes: [UInt8]
  ) throws(StoreError) {
    try bytes.withBytes { bytes throws(StoreError) in
      try write(file, at: offset, bytes)
    }
  }

  /// As `FileTransaction.truncate`.
  public func truncate(_ file: FileID, to byteCount: UInt64) throws(StoreError) {
    try transaction { changes throws(StoreError) in
      try changes.truncate(file, to: byteCount)
    }
  }

  /// As `FileTransaction.punchHole`.
  public func punchHole(_ file: FileID, _ range: Range<UInt64>) throws(StoreError) {
    try transaction { changes throws(StoreError) in try changes.punchHole(file, range) }
  }

  // MARK: Durability

  /// Returns once all that was changed of the file before the call survives a power cut: content,
  /// attributes and names; of a directory, its entries. Costs nothing when it already does.
  public func flush(_ file: FileID) throws(StoreError) {
    try core.flush(file)
  }

  /// Returns once everything changed in the branch before the call survives a power cut.
  public func flush() throws(StoreError) {
    try core.flush()
  }
}
