internal import CoppiceEngine
internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// Asked before a write that makes a file of a branch longer than 64 KiB: a write behind the end, a
/// cut that extends, an allocation, a copy of a range. Names, links and attributes are not asked
/// about: they take little, and databases cannot do without. Nor is overwriting: a branch's own
/// size and that of its snapshots bound it.
///
/// A branch without a limit, in a store without marks, costs two loads.
final class GrowthGate: Sendable {
  private let branch: EngineBranch
  private let engine: Engine
  private let space: SpaceWatch
  private let settling = Monitor()
  private let last = Mutex(Settlement())
  private let exemptions = Mutex(Exemptions())

  /// The last measurement that a writer waited for. Monotonic nanoseconds.
  private struct Settlement {
    var endedAt: UInt64 = 0
    var nanoseconds: UInt64 = 0

    /// Measurements take no more than a fifth of the time of those who are refused.
    func isOver(at now: UInt64) -> Bool { now >= endedAt &+ 4 * nanoseconds }
  }

  /// Whether files may grow whatever was added, as long as no names change.
  private struct Exemptions {
    var version: UInt64 = 1
    var files: [FileID: Bool] = [:]
  }

  init(_ branch: EngineBranch, of engine: Engine, _ space: SpaceWatch) {
    self.branch = branch
    self.engine = engine
    self.space = space
  }

  /// Whether nothing is asked.
  var isOpen: Bool { branch.growth.enforcedLimit == nil && !space.isSet }

  /// The branch's limit and what it added, which is measured if nothing is known; `nil` without a
  /// limit, and where it cannot be measured.
  var room: (limitByteCount: UInt64, addedByteCount: UInt64)? {
    guard let limit = branch.growth.limit, let added = known else { return nil }
    return (limit.byteCount, added.byteCount)
  }

  /// A branch that cannot be measured, because of damage say, is not held to its limit.
  private var known: AddedBytes? {
    engine.accounts.added(by: branch.id) ?? (try? engine.accounts.measureAdded(by: branch.id))
  }

  // MARK: Asking

  /// Throws `full` with reason `limit` when a file of the branch may not grow now.
  ///
  /// - Parameter isExempt: whether this file may all the same; asked only if others may not.
  func admit(unless isExempt: () throws(StoreError) -> Bool) throws(StoreError) {
    if let limit = branch.growth.enforcedLimit, let refusal = try refusal(limit, isExempt) {
      throw refusal
    }
    if space.isSet, let refusal = lackOfSpace, try !isExempt() { throw refusal }
  }

  /// Throws as `admit` does when an import, which is no part of the branch yet, would bring more
  /// than may be added; whatever files it is of.
  func admit(_ imported: SealCounts) throws(StoreError) {
    if let limit = branch.growth.enforcedLimit, let added = known {
      let byteCount = imported.storedByteCount + UInt64(imported.takenByteCount)
      if added.byteCount + byteCount > limit.byteCount {
        let exact = (try? engine.accounts.measureAdded(by: branch.id)) ?? added
        guard exact.byteCount + byteCount <= limit.byteCount else {
          throw .overLimit(
            limit, added: exact.byteCount + byteCount, engine.name(of: branch.id))
        }
      }
    }
    if space.isSet, let refusal = lackOfSpace { throw refusal }
  }

  private func refusal(
    _ limit: GrowthLimit, _ isExempt: () throws(StoreError) -> Bool
  ) throws(StoreError) -> StoreError? {
    guard let added = known else { return nil }
    let state = limit.state(ofAdded: added.byteCount)
    engine.lookAtGrowth(of: branch)
    guard state >= .full, try !isExempt(), let exact = settled(limit) else { return nil }
    guard limit.state(ofAdded: exact.byteCount) >= .full else { return nil }
    return .overLimit(limit, added: exact.byteCount, engine.name(of: branch.id))
  }

  /// What the branch added, once more exactly if what is known is an estimate. Whole pages count
  /// until they are sealed, so without it a branch that is not full would be refused.
  private func settled(_ limit: GrowthLimit) -> AddedBytes? {
    settling.withLock {
      guard let added = known, limit.state(ofAdded: added.byteCount) >= .full else { return known }
      let estimated = added.unsealedByteCount + added.estimatedByteCount
      let began = engine.clock.monotonicNanoseconds()
      guard limit.isCoarse(estimated) || last.withLock({ $0.isOver(at: began) }) else {
        return added
      }
      // On a full disk nothing can be sealed; what cannot be measured keeps its estimate.
      let exact =
        (try? engine.accounts.settleAdded(by: branch))
        ?? (try? engine.accounts.measureAdded(by: branch.id)) ?? added
      let now = engine.clock.monotonicNanoseconds()
      last.withLock { $0 = Settlement(endedAt: now, nanoseconds: now - began) }
      _ = branch.growth.note(limit.state(ofAdded: exact.byteCount))
      return exact
    }
  }

  /// `nil` when the branch may grow as far as the disk is concerned.
  private var lackOfSpace: StoreError? {
    let level = space.level
    guard level != .everyone else { return nil }
    let annotations = engine.branches.annotations(of: branch)
    if annotations.isProtected(at: engine.clock.wallNanoseconds()) { return nil }
    if level == .lasting, !annotations.haveEnd { return nil }
    return StoreError(
      .full,
      level == .lasting
        ? "the disk has little room, and the branch has an end: its files do not grow now"
        : "the disk has very little room: files of branches that are not protected do not grow now",
      object: engine.name(of: branch.id),
      remedy: "delete branches and use \(step: .collect), or make room on the disk",
      reason: .limit)
  }

  // MARK: Exempt files

  /// As `find`, which is not asked again about a file as long as no names change.
  func isExempt(
    _ file: FileID, in cache: NamesCache, _ find: () throws(StoreError) -> Bool
  ) throws(StoreError) -> Bool {
    let version = cache.version
    let known = exemptions.withLock { $0.version == version ? $0.files[file] : nil }
    if let known { return known }
    let found = try find()
    guard version.isMultiple(of: 2), cache.version == version else { return found }
    exemptions.withLock { exemptions in
      if exemptions.version != version { exemptions = Exemptions(version: version) }
      exemptions.files[file] = found
    }
    return found
  }
}

extension Fields {
  /// Whether the entry ends by itself: an expiry, or a lease.
  fileprivate var haveEnd: Bool { self[.expiry] != nil || self[.lease] != nil }
}

extension StoreError {
  static func overLimit(_ limit: GrowthLimit, added: UInt64, _ name: String) -> StoreError {
    StoreError(
      .full,
      "the branch and its snapshots have added \(added) bytes, and may add \(limit.byteCount)",
      object: name,
      remedy:
        "remove files or snapshots of it, or raise the limit with \(step: .setLimit(branch: name))",
      reason: .limit)
  }
}
