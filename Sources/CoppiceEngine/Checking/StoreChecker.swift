internal import CoppiceFormat
internal import CoppicePlatform

/// Checks every structure of a store and goes on after each finding. Reads pages' directory entries,
/// not pages: that is what scrubbing does.
///
/// Order: the files that opening reads, the journal, segments with their directories, then every
/// node below every root with every ref in it. Last comes what the findings mean for branches.
struct StoreChecker {
  let disk: any Disk
  let superblock: Superblock
  let catalogue: CatalogueState
  let entries: [CheckedEntry]
  let files: SegmentFiles
  /// Whether a segment file that the catalogue does not list may be there all the same.
  let isUnpublished: (SegmentID) -> Bool
  /// Whether a segment is in the catalogue still.
  let isKnown: (SegmentID) -> Bool
  /// Returns whether to go on.
  let progress: (CheckProgress) -> Bool

  private static let cacheByteCount = 32 << 20

  func run(_ findings: FindingList) throws(StoreError) -> CheckReport {
    var report = CheckReport()
    checkEntries(findings)
    let segments = catalogue.segments.values.sorted { $0.id < $1.id }
    let places = FramePlaces(
      files: files, segments: catalogue.segments, retired: catalogue.retired)
    let check = SegmentCheck(
      files: files, uuid: superblock.uuid, places: places, findings: findings, isKnown: isKnown)
    for (index, segment) in segments.enumerated() {
      try tell(.segments, index, segments.count)
      check.check(segment, &report)
    }
    checkFileNames(findings)
    let frames = makeReader()
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
    try resolve(findings, segments, frames)
    report.nodeCount = manifests.nodeCount
    report.pageRefCount = manifests.pageRefCount
    report.findings = findings.findings
    report.omittedCount = findings.omittedCount
    return report
  }

  /// Nothing that was read before the check may answer for the disk.
  func makeReader() -> FrameReader {
    let retired = RetiredFrames(
      files: files, directories: DirectoryCache(byteCount: Self.cacheByteCount))
    retired.update(catalogue)
    return FrameReader(
      pageByteCount: superblock.pageByteCount, secret: HashSecret(bytes: superblock.secret),
      buffers: PageBufferPool(pageByteCount: superblock.pageByteCount), files: files,
      retired: retired, pageCacheByteCount: Self.cacheByteCount,
      nodeCacheByteCount: Self.cacheByteCount)
  }

  private func tell(
    _ stage: CheckProgress.Stage, _ done: Int, _ total: Int
  ) throws(StoreError) {
    guard progress(CheckProgress(stage: stage, doneCount: done, totalCount: total)) else {
      throw .calledOffCheck
    }
  }

  /// Finds the branches, volumes and pages that the findings concern.
  func resolve(
    _ findings: FindingList, _ segments: [SegmentEntry], _ frames: FrameReader
  ) throws(StoreError) {
    guard findings.concernsFrames else { return }
    try tell(.affected, 0, 1)
    // Derived frames of damaged bundles are findings themselves.
    files.scanFrames(of: segments) { frame, _ in
      if frame.entry.base != .none { findings.extend(to: frame.name, from: frame.entry.base) }
    }
    AffectedSearch(frames: frames, findings: findings).run(entries)
    findings.dropUnneeded()
  }

  // MARK: Catalogue

  private func checkEntries(_ findings: FindingList) {
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
      for host in retired.hosts where catalogue.segments[host] == nil {
        findings.add(
          "catalogue entry of retired segment \(retired.id.rawValue)",
          "its host, segment \(host.rawValue), is missing", segment: retired.id,
          ordinals: 0..<1 << UInt32(FrameName.ordinalBitCount))
      }
    }
  }

  private func checkFileNames(_ findings: FindingList) {
    // A directory that cannot be listed has been met by opening.
    for name in (try? disk.list(SegmentFiles.directory)) ?? [] {
      guard let id = SegmentFiles.segment(ofFile: name) else {
        findings.add("\(SegmentFiles.directory)/\(name)", "it is no file of the store")
        continue
      }
      let isListed = catalogue.segments[id] != nil || catalogue.reclaimed[id] != nil
      if !isListed, !isUnpublished(id), !isKnown(id) {
        findings.add(SegmentFiles.path(id), "the catalogue does not know this segment")
      }
    }
  }
}

extension StoreError {
  static var calledOffCheck: StoreError {
    StoreError(.unavailable, "the check was called off", remedy: "check again")
  }
}
