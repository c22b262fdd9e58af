internal import CoppiceFormat

/// A frame that no entry shows.
struct DeadFrame {
  var name: FrameName
  var frame: BundleDirectoryEntry
  var segment: SegmentID
  /// Whether frames that others show build on it: it stays as long as these.
  var isNeeded: Bool
}

/// The frames that died with one forgotten entry, as a collection finds them: bits, for there may
/// be millions.
final class DeadFrames {
  /// What the entry reaches of what does not stay.
  let frames = FrameSet()
  /// What these build on.
  let bases = FrameSet()
  /// Of both, what was found in a segment.
  let dead = FrameSet()
  private(set) var pageCount: UInt64 = 0
  private(set) var byteCount: UInt64 = 0
  /// False when a node could not be read, so that what it refers to is not known.
  var isWhole = true
  /// The first that stay of those that dead nodes refer to.
  var shared: [Ref] = []
  /// Of the deletion for good that the entry is a part of.
  var departing: DepartingFrames?

  func add(_ found: DeadFrame) {
    guard dead.insert(found.name) else { return }
    if found.frame.form.kind == .page { pageCount += 1 }
    byteCount += UInt64(found.frame.storedByteCount)
  }
}

/// Which of many sets may have a frame, without asking each: entries have few frames that lie near
/// one another.
struct DeadFramesIndex {
  private var near: [UInt64: [DeadFrames]] = [:]
  private var lastKey = UInt64.max
  private var last: [DeadFrames] = []

  /// - Parameter chunkKeys: of what is asked about a set, by `FrameSet.chunkKey`.
  init(_ sets: [DeadFrames], _ chunkKeys: (DeadFrames) -> [UInt64]) {
    for set in sets {
      for key in Set(chunkKeys(set)) { near[key, default: []].append(set) }
    }
  }

  mutating func sets(near name: FrameName) -> [DeadFrames] {
    let key = FrameSet.chunkKey(of: name)
    if key != lastKey { (lastKey, last) = (key, near[key] ?? []) }
    return last
  }
}

/// What a collection finds of a deletion for good: which segments hold what died with it, and who
/// keeps what did not yet. A frame that several of its entries kept counts once.
final class DepartingFrames {
  let departure: Departure
  private let seen = FrameSet()
  private var unique: (pageCount: UInt64, byteCount: UInt64) = (0, 0)
  private var borrowers: Set<Borrower> = []

  init(_ departure: Departure) {
    self.departure = departure
    departure.report = nil
    departure.deadByteCounts = [:]
    (departure.readByteCount, departure.importedByteCount) = (0, 0)
    (departure.basePageCount, departure.baseByteCount) = (0, 0)
  }

  /// - Parameter borrower: of a frame that no entry needs, whoever else does.
  func add(_ dead: DeadFrame, borrower: Borrower?) {
    guard seen.insert(dead.name) else { return }
    let byteCount = dead.frame.storedByteCount
    if dead.frame.form.kind == .page { unique.pageCount += 1 }
    unique.byteCount += UInt64(byteCount)
    if dead.isNeeded {
      departure.basePageCount += 1
      departure.baseByteCount += UInt64(byteCount)
      return
    }
    switch borrower {
    case .reader: departure.readByteCount += UInt64(byteCount)
    case .staging: departure.importedByteCount += UInt64(byteCount)
    case nil: departure.deadByteCounts[dead.segment, default: 0] += byteCount
    }
    if let borrower { borrowers.insert(borrower) }
  }

  /// The caller holds the keeper's lock.
  func finish() {
    if departure.unique == nil { departure.unique = unique }
    departure.borrowers = borrowers
  }
}
