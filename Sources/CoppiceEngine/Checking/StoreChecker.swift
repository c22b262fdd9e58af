internal import CoppiceFormat
internal import CoppicePlatform

/// Checks every structure of a store and goes on after each finding. Reads pages' directory
/// entries, not pages: that is what scrubbing does.
///
/// Order: the files that opening reads, the journal, segments with their directories, then every
/// node below every root with every ref in it. Last comes what the findings mean for branches.
struct StoreChecker {
  let store: CheckedStore
  let entries: [CheckedEntry]
  /// Returns whether to go on.
  let progress: (CheckProgress) -> Bool

  func run(_ findings: FindingList) throws(StoreError) -> CheckReport {
    var report = CheckReport()
    let catalogue = store.current()
    checkEntries(of: catalogue, findings)
    checkDomains(of: catalogue, findings)
    let places = FramePlaces(
      store.segmentStore, table: store.retired, current: store.current, findings: findings)
    try checkSegments(catalogue, places, findings, &report)
    try checkFileNames(catalogue, findings)
    let frames = store.makeReader()
    var index = 0
    let manifests = ManifestCheck(frames: frames, places: places, findings: findings) {
      progress(CheckProgress(stage: .manifests, doneCount: index, totalCount: entries.count))
    }
    for entry in entries {
      try tell(.manifests, index, entries.count)
      defer { index += 1 }
      manifests.checkRoot(entry.root, domain: entry.domain)
      for overlay in entry.refs { manifests.check(overlay, domain: entry.domain) }
    }
    if manifests.isCalledOff { throw .calledOffCheck }
    try resolve(findings, frames)
    try findings.checkUnhindered()
    report.nodeCount = manifests.nodeCount
    report.pageRefCount = manifests.pageRefCount
    report.findings = findings.findings
    report.omittedCount = findings.omittedCount
    return report
  }

  private func checkSegments(
    _ catalogue: CatalogueState, _ places: FramePlaces, _ findings: FindingList,
    _ report: inout CheckReport
  ) throws(StoreError) {
    let check = SegmentCheck(uuid: store.superblock.uuid, places: places, findings: findings)
    var counted = report
    var index = 0
    try store.segmentWalk.forEach(of: Array(catalogue.segments.values)) {
      segment throws(StoreError) in
      try tell(.segments, index, max(catalogue.segments.count, index + 1))
      index += 1
      return try store.look(at: segment, findings) { file in
        check.check(segment, file, &counted)
        return .done
      }
    }
    report = counted
  }

  private func tell(
    _ stage: CheckProgress.Stage, _ done: Int, _ total: Int
  ) throws(StoreError) {
    guard progress(CheckProgress(stage: stage, doneCount: done, totalCount: total)) else {
      throw .calledOffCheck
    }
  }

  /// Finds the branches, volumes and pages that the findings concern.
  func resolve(_ findings: FindingList, _ frames: FrameReader) throws(StoreError) {
    guard findings.concernsFrames else { return }
    try tell(.affected, 0, 1)
    if !findings.hostFindings.isEmpty { try resolveHosts(findings) }
    // Derived frames of damaged bundles are findings themselves.
    try forEachFrame(of: Array(store.current().segments.values)) { frame in
      if frame.entry.base != .none { findings.extend(to: frame.name, from: frame.entry.base) }
    }
    AffectedSearch(frames: frames, findings: findings).run(entries)
    findings.markUnused()
  }

  private func resolveHosts(_ findings: FindingList) throws(StoreError) {
    let catalogue = store.current()
    let hosts = catalogue.segments.values.filter { $0.flags.contains(.host) }
    try findings.resolveHosts(catalogue.retired.values) { found throws(StoreError) in
      try forEachFrame(of: hosts) { found($0.name) }
    }
  }

  /// Visits the frames of whole bundles; what is damaged has been told. Throws when something was
  /// not looked at.
  private func forEachFrame(
    of segments: [SegmentEntry], _ visit: (FrameInspection) -> Void
  ) throws(StoreError) {
    let passedOver = FindingList()
    try store.segmentWalk.forEach(of: segments) { segment throws(StoreError) in
      try store.look(at: segment, passedOver) { file throws(StoreError) in
        try BundleReader(file, segment).forEachFrame(visit)
        return .done
      }
    }
    try passedOver.checkUnhindered()
  }

  // MARK: Catalogue

  private func checkEntries(of catalogue: CatalogueState, _ findings: FindingList) {
    var names: [[UInt8]: BranchID] = [:]
    for entry in catalogue.branches.values.sorted(by: { $0.id < $1.id }) {
      let object = "catalogue entry of \(entry.name)"
      if entry.id.rawValue >= catalogue.nextBranch {
        findings.add(object, "its id, \(entry.id.rawValue), is one that was not given out yet")
      }
      if !entry.root.isHole, entry.root.locator.form.kind != .tableNode {
        findings.add(object, "its root is no table node")
      }
      if entry.intervals.last?.through != .open {
        findings.add(object, "it has no open interval")
      }
      for (one, next) in zip(entry.intervals, entry.intervals.dropFirst())
      where one.through > next.from || one.from >= one.through {
        findings.add(object, "its intervals are not in order")
      }
      if !entry.flags.contains(.deleted),
        let other = names.updateValue(entry.id, forKey: entry.name.nameKey)
      {
        findings.add(object, "entry \(other.rawValue) has the same name")
      }
    }
    for segment in catalogue.segments.values where segment.id.rawValue >= catalogue.nextSegment {
      findings.add(
        "catalogue entry of segment \(segment.id.rawValue)", "its id was not given out yet")
    }
    for retired in catalogue.retired.values {
      checkDomain(of: retired, catalogue, findings)
      for host in retired.hosts where catalogue.segments[host] == nil {
        findings.add(
          "catalogue entry of retired segment \(retired.id.rawValue)",
          "its host, segment \(host.rawValue), is missing", segment: retired.id,
          ordinals: 0..<1 << UInt32(FrameName.ordinalBitCount))
      }
    }
  }

  /// What has one home is of one domain, wherever it lies now.
  private func checkDomain(
    of retired: RetiredSegment, _ catalogue: CatalogueState, _ findings: FindingList
  ) {
    let domains = Set(retired.hosts.compactMap { catalogue.segments[$0]?.domain })
    if domains.count > 1 {
      let numbers = domains.sorted().map { "\($0.rawValue)" }.joined(separator: ", ")
      findings.add(
        "catalogue entry of retired segment \(retired.id.rawValue)",
        "its hosts lie in several trust domains, \(numbers)", segment: retired.id,
        ordinals: 0..<1 << UInt32(FrameName.ordinalBitCount))
    }
  }

  private func checkDomains(of catalogue: CatalogueState, _ findings: FindingList) {
    var keys: [DomainID: SettingKey] = [:]
    for (key, content) in catalogue.domainSettings {
      switch content {
      case .failure(let error): findings.add("setting \(key)", "\(error)")
      case .success(let setting):
        if let other = keys.updateValue(key, forKey: setting.domain) {
          findings.add(
            "setting \(key)", "\(other) has the same number, \(setting.domain.rawValue)")
        }
      }
    }
  }

  private func checkFileNames(_ catalogue: CatalogueState, _ findings: FindingList)
    throws(StoreError)
  {
    let found = try listing()
    for path in found.strangers { findings.add(path, "it is no file of the store") }
    let unknown = found.ids.filter { !isListed($0, catalogue) && !store.isUnpublished($0) }
    if unknown.isEmpty { return }
    // One that came and went meanwhile is in no list, and has no file any more.
    let now = store.current()
    let left = Set(try listing().ids)
    for id in unknown where !isListed(id, now) && left.contains(id) {
      findings.add(SegmentStore.path(id), "the catalogue does not know this segment")
    }
  }

  private func listing() throws(StoreError) -> SegmentStore.Listing {
    do throws(SegmentError) { return try store.segmentStore.list() } catch {
      let failure = StoreError(error, while: "listing the store's files")
      if failure.saysNothingOfContent { throw failure }
      // A directory that is damaged has been met by opening.
      return SegmentStore.Listing()
    }
  }

  private func isListed(_ id: SegmentID, _ catalogue: CatalogueState) -> Bool {
    catalogue.segments[id] != nil || catalogue.reclaimed[id] != nil
  }
}

extension StoreError {
  static var calledOffCheck: StoreError {
    StoreError(.unavailable, "the check was called off", remedy: "check again")
  }
}
