package import CoppiceFormat

/// What a tree knows of its entry in the store: a branch of an engine, or volumes in a test.
package protocol EntryHandle: AnyObject, Sendable {
  var id: BranchID { get }
  /// The name as it is now; renaming changes it.
  var name: String { get }
  var isSnapshot: Bool { get }
  var isReadOnly: Bool { get }
}

extension EntryHandle {
  /// Throws `denied` with reason `readOnlyTree`.
  func checkWritable() throws(StoreError) {
    if isReadOnly { throw .readOnlyTree(name) }
  }
}
