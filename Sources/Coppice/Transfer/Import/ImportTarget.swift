internal import CoppiceEngine
internal import CoppiceFormat
internal import CoppicePlatform

/// Where an import goes: hidden volumes with the names over them, and the branch they will be.
struct ImportTarget {
  let staging: StagingImport
  let tree: TreeCore
  fileprivate let name: String
  /// The branch that exists and is replaced.
  fileprivate let existing: FileTree?
}

extension Store {
  /// Begins an import into a branch: from its state when it exists, else from nothing.
  func beginImport(
    _ name: String, replacing: Bool, force: Bool
  ) throws(StoreError) -> ImportTarget {
    let staging: StagingImport
    var existing: FileTree?
    if replacing {
      let branch = try branch(name)
      try branch.checkUnused(force: force)
      existing = branch
      staging = try engine.beginImport(replacing: engineBranch(name))
    } else {
      staging = try engine.beginImport(domain: DomainID.standard)
    }
    let tree = TreeCore(
      space: staging,
      allocateVolume: { [engine] () throws(StoreError) in try engine.allocateVolumeNumber() },
      wallNanoseconds: { [engine] in engine.clock.wallNanoseconds() })
    return ImportTarget(staging: staging, tree: tree, name: name, existing: existing)
  }

  /// Makes the branch what was imported, at once and durably.
  func finishImport(
    _ target: ImportTarget, _ annotations: [AnnotationChange] = []
  ) throws(StoreError) {
    if let existing = target.existing {
      try existing.core.replace { () throws(StoreError) in
        try target.staging.publishReplacing(annotations: annotations.map(\.field))
      }
    } else {
      _ = try target.staging.publish(
        creating: target.name, annotations: annotations.map(\.field))
      watchers.tell(.added)
    }
  }
}
