extension Branch {
  /// Copies a range of one file's content to another place, in this file or another one of the
  /// branch. As `File.copy`.
  @discardableResult
  public func copyRange(
    of source: FileID, _ range: Range<UInt64>, to target: FileID, at offset: UInt64
  ) throws(StoreError) -> UInt64 {
    try entry.checkWritable()
    for file in [source, target] {
      _ = try core.read { names throws(StoreError) in try names.regularInode(of: file) }
    }
    return try core.copyRange(of: source, range, to: target, in: core, at: offset)
  }
}

extension File {
  /// Copies a range of the content to a place in another file, of this branch or another one of the
  /// store. Holes stay holes, and whole pages that are stored already are shared, not copied, where
  /// both places lie alike in their pages. Not one atomic change: pieces of 1 MiB are, and pieces
  /// of 4096 shared pages.
  ///
  /// Throws `invalid` when the ranges overlap in one file.
  /// - Returns: how many bytes were copied: fewer than asked for where the source ends.
  @discardableResult
  public func copy(
    _ range: Range<UInt64>, to target: File, at offset: UInt64
  ) throws(StoreError) -> UInt64 {
    try check()
    try target.checkWritable()
    return try core.copyRange(of: id, range, to: target.id, in: target.core, at: offset)
  }
}
