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
  /// Whether all of it is.
  fileprivate let isWhole: Bool
  /// In the transaction that makes it or replaces its content.
  fileprivate let changes: [FieldChange]
}

extension Store {
  /// Begins an import into a branch: from its state and in its domain when it exists, else from
  /// nothing, in the domain that the options name. Throws `invalid` when they name another one than
  /// the branch's.
  /// - Parameter isWhole: whether the import is of all that the branch will have.
  func beginImport(
    _ name: String, replacing: Bool, isWhole: Bool, _ options: ImportOptions
  ) throws(StoreError) -> ImportTarget {
    let staging: StagingImport
    var existing: FileTree?
    var changes = options.annotations.map(\.field)
    if replacing {
      let branch = try branch(name)
      let target = try engineBranch(name)
      if let domain = options.domain { try check(target, name, isIn: domain) }
      try branch.checkUnused(force: options.force)
      // Once more at its end: this spares reading all of a source for nothing.
      try engine.branches.checkReplace(target, annotations: changes)
      existing = branch
      staging = try engine.imports.begin(replacing: target)
    } else {
      if let owner = options.owner {
        let value = try Labels.value(ofText: owner, "an owner", name)
        changes.insert(FieldChange(.owner, value), at: 0)
      }
      staging = try engine.imports.begin(domain: importDomain(options))
    }
    let tree = TreeCore(
      space: staging,
      allocateVolume: { [engine] () throws(StoreError) in try engine.branches.allocateVolumeNumber()
      },
      wallNanoseconds: { [engine] in engine.clock.wallNanoseconds() })
    return ImportTarget(
      staging: staging, tree: tree, name: name, existing: existing, isWhole: isWhole,
      changes: changes)
  }

  private func check(
    _ target: EngineBranch, _ name: String, isIn domain: String
  ) throws(StoreError) {
    if try domainIfMade(domain)?.number == target.domain.rawValue { return }
    throw StoreError(
      .invalid, "is in the trust domain \(knownDomain(target.domain)), and stays there",
      object: name, remedy: "import into a branch of another name, or leave the domain out")
  }

  /// A dry run makes no domain: where the one that is named would be made, it uses a number that
  /// none has.
  private func importDomain(_ options: ImportOptions) throws(StoreError) -> DomainID {
    guard let name = options.domain, options.isDryRun else {
      return try domainID(orStandard: options.domain)
    }
    if let known = try domainIfMade(name) { return DomainID(known.number) }
    return try engine.branches.takeUnnamedDomain()
  }

  /// Throws what `finishImport` would for a branch that exists, and changes nothing.
  func checkImport(_ target: ImportTarget) throws(StoreError) {
    guard let existing = target.existing else { return }
    try engine.branches.checkReplace(
      try engineBranch(target.name), annotations: target.changes)
    if !target.isWhole { try existing.core.growth?.admit(target.staging.counts) }
  }

  /// Makes the branch what was imported, at once and durably. Throws `full` with reason `limit`
  /// when the branch would have added more than it may.
  func finishImport(_ target: ImportTarget) throws(StoreError) {
    if let existing = target.existing {
      try existing.core.replace { () throws(StoreError) in
        if !target.isWhole { try existing.core.growth?.admit(target.staging.counts) }
        try target.staging.publishReplacing(
          annotations: target.changes, isWhole: target.isWhole)
      }
    } else {
      _ = try target.staging.publish(creating: target.name, annotations: target.changes)
      watchers.tell(.added)
    }
  }
}
