public import CoppiceEngine
internal import CoppiceFormat
internal import CoppicePlatform

/// What a branch or snapshot takes.
public struct Usage: Hashable, Sendable {
  public var name: String
  /// Bytes of all files as their readers see them, holes included.
  public var logicalByteCount: UInt64
  /// Stored bytes that other branches or snapshots refer to as well.
  public var sharedByteCount: UInt64
  /// Stored bytes that only this one refers to: what deleting it frees.
  public var exclusiveByteCount: UInt64
  /// Files with content.
  public var fileCount: Int
}

extension Store {
  /// What entries take, in the order of the names; without names all, sorted. Changes that are not
  /// in segments yet do not count as stored. Reads all manifests that are in use. Throws `notFound`.
  public func usage(_ names: [String]? = nil) throws(StoreError) -> [Usage] {
    var wanted = names ?? []
    if names == nil { wanted = try entries().map(\.name) }
    var groups: [[EngineBranch]] = []
    for name in wanted { groups.append([try engineBranch(name)]) }
    let counted = try engine.usage(of: groups).groups
    return zip(wanted, counted).map { name, group in
      Usage(
        name: name, logicalByteCount: group.logicalByteCount,
        sharedByteCount: group.storedByteCount - group.exclusiveByteCount,
        exclusiveByteCount: group.exclusiveByteCount, fileCount: group.volumeCount)
    }
  }

  /// The stored bytes that go when all these entries are deleted, and what was deleted before with
  /// them. Throws `notFound`.
  public func freedByteCount(deleting names: [String]) throws(StoreError) -> UInt64 {
    var group: [EngineBranch] = []
    for name in names { group.append(try engineBranch(name)) }
    return try engine.usage(of: [group]).groups[0].exclusiveByteCount
  }
}
