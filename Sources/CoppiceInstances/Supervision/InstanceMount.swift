/// The mount on which instances work, as supervision needs it.
package protocol InstanceMount: Sendable {
  /// Absolute, without symbolic links.
  var directory: String { get }

  /// Shows the files of one user and group of a branch as another's from now on; see
  /// `CoppiceFUSE`.
  func show(
    entry: UInt64, storedUserID: UInt32, storedGroupID: UInt32, asUserID: UInt32
  )

  /// Shows all files of a branch as whose they are, again.
  func showAsStored(entry: UInt64)
}
