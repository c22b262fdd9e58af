/// What the kernel of a mount knows of a tree: it names files by their numbers, long after their
/// names are gone, and says when it has forgotten them.
extension FileTree {
  /// The number of the names' state: even, and greater after every change. It is odd while one is
  /// being made.
  package var namesVersion: UInt64 { core.cache.version }

  /// Keeps a file, which need not exist (any more), until as many `release`: without names it is an
  /// orphan. What is read of it afterwards cannot be gone before the kernel has heard of a change.
  package func retain(_ file: FileID) {
    while !core.uses.retain(file) { core.waitForWriter() }
  }

  /// Ends that many `retain`. Returns whether nobody uses the file any more and it has no name: it
  /// is then to be removed by `removeAbandoned`.
  package func release(_ file: FileID, count: UInt64 = 1) -> Bool {
    core.uses.release(file, count)
  }

  package func isRetained(_ file: FileID) -> Bool { core.uses.isRetained(file) }

  /// Ends every `retain`, and removes the files that only they kept.
  package func releaseAll() { core.removeAbandoned(core.uses.releaseAll()) }

  /// Removes files without a name, in one transaction. What fails here stays an orphan, which the
  /// next opening of the branch removes.
  package func removeAbandoned(_ files: [FileID]) { core.removeAbandoned(files) }
}
