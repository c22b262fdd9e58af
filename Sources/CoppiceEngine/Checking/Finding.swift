package import CoppiceFormat

/// Something that is not as it was written.
package struct Finding: Hashable, Sendable {
  /// The structure: "superblock copy 1", "segments/0000000001 bundle at offset 64", "frame 1/17".
  package var object: String
  package var message: String
  /// What cannot be read, or not be trusted, because of it; empty when nothing is lost.
  package var affected: [AffectedRange]
  /// Whether it is about a page or node that nothing refers to: a full collection takes it away.
  package var isUnused = false

  package init(object: String, message: String, affected: [AffectedRange] = []) {
    self.object = object
    self.message = message
    self.affected = affected
  }
}

/// Content of one branch or snapshot that a finding concerns.
package struct AffectedRange: Hashable, Sendable {
  package var branch: BranchID
  package var name: String
  /// Volume numbers; one volume mostly.
  package var volumes: Range<UInt64>
  /// Page numbers, ascending; empty stands for all that the volumes hold.
  package var pages: [Range<UInt64>]

  package init(branch: BranchID, name: String, volumes: Range<UInt64>, pages: [Range<UInt64>]) {
    self.branch = branch
    self.name = name
    self.volumes = volumes
    self.pages = pages
  }
}

/// What a check looked at, and what it found.
package struct CheckReport: Sendable {
  /// Empty: the store is sound, as far as a check reads it.
  package var findings: [Finding] = []
  /// Findings past `findingCountMax`, which are not listed.
  package var omittedCount = 0
  package var segmentCount = 0
  package var bundleCount = 0
  package var frameCount = 0
  package var nodeCount = 0
  package var pageRefCount = 0

  package static let findingCountMax = 1000

  package init() {}
}

/// How far a check has come.
package struct CheckProgress: Hashable, Sendable {
  package enum Stage: String, Sendable { case files, journal, segments, manifests, affected }
  package var stage: Stage
  package var doneCount: Int
  package var totalCount: Int
}

/// Collects findings, and which frames each of them concerns.
final class FindingList {
  private let countMax: Int
  private(set) var findings: [Finding] = []
  private(set) var omittedCount = 0
  private var frames: [FrameName: [Int]] = [:]
  /// Findings that count only if somebody needs what they concern.
  private var conditional: Set<Int> = []
  private var ranges: [SegmentID: [(ordinals: Range<UInt32>, finding: Int)]] = [:]
  private var rangeFindings: Set<Int> = []
  /// Findings about parts of hosts, whose frames have the names of other segments.
  private(set) var hostFindings: [SegmentID: [Int]] = [:]
  /// By the segment of their names: findings that concern all frames which nobody found elsewhere.
  private var lost: [SegmentID: [Int]] = [:]
  private let found = FrameSet()
  /// What kept somebody from looking somewhere, and is no damage.
  private var hindrance: StoreError?

  /// - Parameter countMax: findings past that many are counted only.
  init(countMax: Int = CheckReport.findingCountMax) { self.countMax = countMax }

  /// Whether any frame is concerned.
  var concernsFrames: Bool { !frames.isEmpty || !ranges.isEmpty || !hostFindings.isEmpty }

  /// Throws when something was not looked at, though it may be sound.
  func checkUnhindered() throws(StoreError) {
    if let hindrance { throw hindrance }
  }

  /// Notes that a structure was passed over; what is damage is told elsewhere.
  func note(_ error: StoreError) {
    if error.saysNothingOfContent { hindrance = hindrance ?? error }
  }

  /// What looking at a structure failed with: damage, unless it says nothing of what is stored.
  func add(_ object: String, _ error: StoreError, frame: FrameName? = nil) {
    note(error)
    if error.saysNothingOfContent { return }
    let message = error.message + (error.cause.map { " (\($0))" } ?? "")
    guard let index = append(object, message), let frame else { return }
    frames[frame, default: []].append(index)
  }

  func add(_ object: String, _ message: String) { _ = append(object, message) }

  func add(_ object: String, _ message: String, frame: FrameName) {
    if let index = append(object, message) { frames[frame, default: []].append(index) }
  }

  /// A frame that is not there, or builds on one that is not. That is damage only if the frame is
  /// needed: a collection that leaves a dead frame where it is may well have removed its base, and
  /// a node may build on one with refs that it replaces itself.
  func addIfNeeded(_ object: String, _ message: String, frame: FrameName) {
    guard let index = append(object, message) else { return }
    frames[frame, default: []].append(index)
    conditional.insert(index)
  }

  /// Drops what is damage only if somebody needs it, and marks what nobody needs; called once it is
  /// known what findings concern.
  func markUnused() {
    for index in frames.values.joined() where findings[index].affected.isEmpty {
      // A damaged bundle is in the way of collections.
      if !rangeFindings.contains(index) { findings[index].isUnused = true }
    }
    findings = findings.indices.filter {
      !conditional.contains($0) || !findings[$0].affected.isEmpty
    }.map { findings[$0] }
    conditional = []
  }

  /// Concerns every frame of a segment with one of these ordinals.
  func add(_ object: String, _ message: String, segment: SegmentID, ordinals: Range<UInt32>) {
    guard let index = append(object, message), !ordinals.isEmpty else { return }
    rangeFindings.insert(index)
    ranges[segment, default: []].append((ordinals, index))
  }

  /// Concerns the frames in a part of a segment that cannot be read: those with these ordinals,
  /// unless it is a host.
  func add(
    _ object: String, _ message: String, partOf segment: SegmentEntry, ordinals: Range<UInt32>
  ) {
    guard segment.flags.contains(.host) else {
      return add(object, message, segment: segment.id, ordinals: ordinals)
    }
    guard let index = append(object, message) else { return }
    rangeFindings.insert(index)
    hostFindings[segment.id, default: []].append(index)
  }

  /// Says which frames findings about hosts concern: of the segments that were copied to these, the
  /// frames that lie nowhere else.
  ///
  /// - Parameter visitFound: is to call its argument with every frame that is found in a host.
  func resolveHosts(
    _ retired: some Sequence<RetiredSegment>,
    visitFound: ((FrameName) -> Void) throws(StoreError) -> Void
  ) throws(StoreError) {
    for home in retired {
      let concerned = home.hosts.flatMap { hostFindings[$0] ?? [] }
      if !concerned.isEmpty { lost[home.id] = concerned }
    }
    try visitFound { name in
      if lost[name.segment] != nil { found.insert(name) }
    }
  }

  private func append(_ object: String, _ message: String) -> Int? {
    guard findings.count < countMax else {
      omittedCount += 1
      return nil
    }
    findings.append(Finding(object: object, message: message))
    return findings.count - 1
  }

  /// The findings that concern a frame.
  func indices(of name: FrameName) -> [Int] {
    var indices = frames[name] ?? []
    for range in ranges[name.segment] ?? [] where range.ordinals.contains(name.ordinal) {
      indices.append(range.finding)
    }
    if let all = lost[name.segment], !found.contains(name) { indices += all }
    return indices
  }

  /// A derived frame suffers with its base.
  func extend(to derived: FrameName, from base: FrameName) {
    let known = indices(of: derived)
    for index in indices(of: base) where !known.contains(index) {
      frames[derived, default: []].append(index)
    }
  }

  func setAffected(_ affected: [AffectedRange], of index: Int) {
    findings[index].affected = affected
  }
}
