internal import CoppiceEngine
internal import CoppiceFormat

/// What a branch or snapshot takes: stored bytes of pages and of the nodes that lead to them, and
/// bytes of pages that are in memory and in the journal only.
public struct Usage: Hashable, Sendable, Codable {
  /// The entry's name.
  public var name: String
  /// Bytes of all files as their readers see them, holes included.
  public var logicalByteCount: UInt64
  /// Bytes that other branches or snapshots keep as well, deleted ones that can be restored
  /// included.
  public var sharedByteCount: UInt64
  /// Bytes that only this one keeps.
  public var exclusiveByteCount: UInt64
  /// Of these two, bytes of changes that are in memory and in the journal only.
  public var unsealedByteCount: UInt64
  /// Files with content.
  public var fileCount: Int
}

extension Store {
  /// What entries take, in the order of the names; without names all, sorted. Takes time in
  /// proportion to the manifests of the store. Throws `notFound`.
  public func usage(_ names: [String]? = nil) throws(StoreError) -> [Usage] {
    if let names { return try usage(of: names) }
    while true {
      do throws(StoreError) { return try usage(of: try entries(in: .named).map(\.name)) } catch {
        // One of them was deleted meanwhile.
        guard error.kind == .notFound else { throw error }
      }
    }
  }

  private func usage(of wanted: [String]) throws(StoreError) -> [Usage] {
    var ids: [BranchID] = []
    for name in wanted { ids.append(try engineBranch(name).id) }
    return zip(wanted, try engine.accounts.usage(of: ids)).map { name, usage in
      Usage(
        name: name, logicalByteCount: usage.logicalByteCount,
        sharedByteCount: usage.sharedByteCount, exclusiveByteCount: usage.exclusiveByteCount,
        unsealedByteCount: usage.unsealedByteCount, fileCount: usage.volumeCount)
    }
  }
}
