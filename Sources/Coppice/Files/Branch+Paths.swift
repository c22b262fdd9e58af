extension Branch {
  /// The directory at the end of a path; what is missing on the way is made, all in one
  /// transaction. Throws `invalid` with reason `notDirectory` where a name leads to something else.
  @discardableResult
  public func createDirectories(
    _ path: BranchPath, _ new: NewFile = NewFile(permissions: 0o755)
  ) throws(StoreError) -> FileID {
    try transaction { changes throws(StoreError) in
      try changes.createDirectories(path, new)
    }
  }

  /// Makes the bytes the whole content of the file at a path, in one transaction: the file keeps
  /// its attributes if there is one, and is created if not. Its directory must exist. What fits
  /// into a transaction can be written so, some 60 MiB; more is `invalid`: write pieces of it to an
  /// open `File`, or import it. Throws `invalid` with reason `isDirectory`.
  @discardableResult
  public func writeFile(
    _ path: BranchPath, _ bytes: [UInt8], _ new: NewFile = NewFile()
  ) throws(StoreError) -> FileID {
    guard let name = path.lastComponent, let parent = path.parent else {
      throw .isDirectory("/")
    }
    let directory = try lookup(parent, followingLinks: true)
    guard try attributes(of: directory).kind == .directory else {
      throw .notDirectory(parent.description)
    }
    return try transaction { changes throws(StoreError) in
      let file: FileID
      if let entry = try changes.lookupIfPresent(name, in: directory) {
        file = entry.file
        try changes.truncate(file, to: 0)
      } else {
        file = try changes.createFile(name, in: directory, new).file
      }
      try changes.write(file, at: 0, bytes)
      return file
    }
  }
}

extension FileTransaction {
  /// As `Branch.createDirectories`.
  @discardableResult
  public func createDirectories(
    _ path: BranchPath, _ new: NewFile = NewFile(permissions: 0o755)
  ) throws(StoreError) -> FileID {
    var directory = FileID.root
    for name in path.components {
      if let entry = try lookupIfPresent(name, in: directory) {
        guard entry.kind == .directory else { throw .notDirectory(path.description) }
        directory = entry.file
      } else {
        directory = try createDirectory(name, in: directory, new).file
      }
    }
    return directory
  }
}
