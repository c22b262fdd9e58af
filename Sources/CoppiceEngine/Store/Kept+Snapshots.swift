internal import CoppiceFormat
internal import CoppicePlatform

// A snapshot is called after its branch, `BRANCH@NAME`, and is nothing without it: who makes one
// and who deletes branches look under the lock whether the other is there.

extension Kept {
  /// Throws `conflict` when a snapshot of one of these would stay without its branch: one that was
  /// made since somebody chose what to delete.
  func checkNoneIsOrphaned(deleting targets: [EngineBranch]) throws(StoreError) {
    var names: Set<[UInt8]> = []
    for target in targets where !target.isReadOnly {
      if let name = catalogue.branches[target.id]?.name { names.insert(name.nameKey) }
    }
    guard !names.isEmpty else { return }
    let ids = Set(targets.map(\.id))
    for entry in catalogue.branches.values
    where entry.flags.contains(.readOnly) && !entry.flags.contains(.deleted)
      && !ids.contains(entry.id)
    {
      guard let branch = entry.branchPart, names.contains(branch) else { continue }
      throw StoreError(
        .conflict, "the branch has a snapshot, \(entry.name)",
        object: String(decoding: branch, as: UTF8.self),
        remedy: "delete its snapshots with it: \(step: .deleteSnapshots)")
    }
  }

  /// Throws `notFound` for the name of a snapshot whose branch is not there, or is none.
  func checkHasBranch(snapshot name: String) throws(StoreError) {
    guard let part = name.branchPart else { return }
    let branch = String(decoding: part, as: UTF8.self)
    guard let entry = catalogue.branch(named: branch), !entry.flags.contains(.readOnly) else {
      throw StoreError(
        .notFound, "there is no such branch", object: branch,
        remedy: "name a branch that is there")
    }
  }
}

extension BranchEntry {
  fileprivate var branchPart: [UInt8]? { name.branchPart }
}

extension String {
  /// What stands before the `@`; `nil` without one.
  fileprivate var branchPart: [UInt8]? {
    let bytes = utf8
    return bytes.firstIndex(of: UInt8(ascii: "@")).map { Array(bytes[..<$0]) }
  }
}
