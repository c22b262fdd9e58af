internal import CoppiceFormat
internal import CoppicePlatform

extension Checks {
  /// Checks every structure of this store beside readers and writers, as it is now.
  ///
  /// Never stops at a finding. Changes nothing. Takes time in proportion to the store's frames, but
  /// reads no pages.
  ///
  /// - Parameters:
  ///   - findingCountMax: findings past that many are counted only.
  ///   - progress: returns whether to go on; otherwise the check throws `unavailable`.
  package func check(
    findingCountMax: Int = CheckReport.findingCountMax,
    progress: (CheckProgress) -> Bool = { _ in true }
  ) throws(StoreError) -> CheckReport {
    core.unsealable.forgetAll()
    let findings = FindingList(countMax: findingCountMax)
    for stage in [CheckProgress.Stage.files, .journal] {
      guard progress(CheckProgress(stage: stage, doneCount: 0, totalCount: 1)) else {
        throw .calledOffCheck
      }
    }
    checkpointer.holdingBack {
      let durable = core.journal.durableLSN
      let opening = OpeningCheck(disk: core.disk, findings: findings)
      _ = opening.checkSuperblock()
      opening.checkHints()
      guard let newest = opening.checkCatalogues() else { return }
      opening.checkJournal(core.superblock, newest, through: durable)
    }
    try findings.checkUnhindered()
    return try withChecker(progress: progress) { checker throws(StoreError) in
      try checker.run(findings)
    }
  }

  /// Makes a checker of all entries as they are now; what they refer to stays until `body` returns.
  func withChecker<Result>(
    progress: (CheckProgress) -> Bool = { _ in true },
    _ body: (StoreChecker) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    let moment = try StoreMoment(core)
    defer { withExtendedLifetime(moment) {} }
    return try withoutActuallyEscaping(progress) { progress throws(StoreError) in
      try body(
        StoreChecker(
          store: checkedStore,
          entries: moment.entries.map {
            CheckedEntry(
              id: $0.entry.id, name: $0.entry.name, domain: $0.entry.domain,
              root: $0.root.root, refs: $0.overlay.refs)
          },
          progress: progress))
    }
  }

  /// Checks a store that cannot be opened because of `error`.
  static func checkUnopened(
    _ disk: any Disk, because error: StoreError, _ progress: @escaping (CheckProgress) -> Bool
  ) throws(StoreError) -> CheckReport {
    let findings = FindingList()
    let opening = OpeningCheck(disk: disk, findings: findings)
    let superblock = opening.checkSuperblock()
    let catalogue = opening.checkCatalogues()
    if findings.findings.isEmpty {
      findings.add(error.object.isEmpty ? "store" : error.object, error.message)
    }
    guard let superblock, let catalogue else {
      try findings.checkUnhindered()
      var report = CheckReport()
      report.findings = findings.findings
      return report
    }
    if findings.findings.allSatisfy({ $0.object != error.object }) {
      opening.checkJournal(superblock, catalogue, through: nil)
    }
    try findings.checkUnhindered()
    // Without the journal: the state of the last checkpoint.
    let state = CatalogueState(catalogue)
    let retired = RetiredTable()
    retired.update(state)
    return try StoreChecker(
      store: CheckedStore(
        disk: disk, superblock: superblock, segmentStore: StoreInspector(disk: disk).segmentStore,
        retired: retired, current: { state }, isUnpublished: { _ in true }),
      entries: state.branches.values.sorted { $0.id < $1.id }.map {
        CheckedEntry(id: $0.id, name: $0.name, domain: $0.domain, root: $0.root, refs: [])
      },
      progress: progress
    ).run(findings)
  }
}
