internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// What an overlay knows about one page: its bytes, or a frame that another volume owns too.
enum OverlayPage {
  case bytes(PageBuffer)
  case shared(Ref)
  /// Replay only: written in part over a page that cannot be read. Whoever reads it gets the error.
  /// -> any other, by whatever replaces the whole page
  case unreadable(StoreError)
}

/// What one interval of the journal wrote: pages, holes and byte counts, by volume.
///
/// States:
/// - open: belongs to one branch, changes under that branch's state lock. -> frozen
/// - frozen: immutable, shared by every branch whose state includes the interval, read without a
///   lock. Ends when a publish took it out of all branches.
///
/// A layer keeps its identity (writer, from, through) for ever: every branch whose intervals cover
/// that range holds this very object. That is what lets one seal serve all of them.
package final class Layer: @unchecked Sendable {
  let writer: BranchID
  /// Records above this LSN belong to the layer. Moves up only while the layer is open and empty.
  var from: LSN
  /// Records up to this LSN belong to the layer; `.open` while it is open.
  private(set) var through: LSN
  private(set) var volumes = IntegerMap<VolumeLayer>()
  /// RAM held by the layer's pages and tables, counted in `meter` as well.
  private(set) var byteCount = 0
  /// Pages that the layer has, and of these at most so many that are another volume's.
  private(set) var pageCount = 0
  private(set) var sharedPageCount = 0
  /// Whether some volume took the content of another.
  private(set) var adopts = false
  private let meter: OverlayMeter
  /// Whether some page is, or was, unreadable.
  private(set) var holdsUnreadable = false
  /// Replay only: volumes with writes that could not be laid over what is below, and why.
  private(set) var lostVolumes: [VolumeNumber: StoreError] = [:]

  /// What a table entry and its share of an unfilled table cost beside the page itself.
  static let entryByteCount = 64

  init(writer: BranchID, from: LSN, through: LSN = .open, meter: OverlayMeter) {
    self.meter = meter
    self.writer = writer
    self.from = from
    self.through = through
  }

  var interval: Interval { Interval(writer: writer, from: from, through: through) }
  var isEmpty: Bool { volumes.isEmpty && lostVolumes.isEmpty }
  var isFrozen: Bool { through != .open }

  func freeze(through lsn: LSN) {
    precondition(!isFrozen && lsn >= from, "a layer freezes once, at or after its start")
    through = lsn
  }

  subscript(volume: VolumeNumber) -> VolumeLayer? { volumes[volume.rawValue] }

  /// Some page of what was merged is unreadable.
  func noteUnreadable() { holdsUnreadable = true }

  /// The layer is without what was written to these volumes.
  func noteLost(_ volumes: [VolumeNumber: StoreError]) {
    lostVolumes.merge(volumes) { first, _ in first }
  }

  /// The pages that are unreadable, and why.
  var unreadablePages: [(volume: VolumeNumber, page: PageNumber, error: StoreError)] {
    guard holdsUnreadable else { return [] }
    var found: [(volume: VolumeNumber, page: PageNumber, error: StoreError)] = []
    volumes.forEach { volume, part in
      part.pages.forEach { page, content in
        if case .unreadable(let error) = content {
          found.append((VolumeNumber(volume), PageNumber(page), error))
        }
      }
    }
    return found
  }

  /// Drops what the layer says about a volume. Only imports, whose layers nobody shares, do that.
  func forget(_ volume: VolumeNumber) {
    guard let part = volumes[volume.rawValue] else { return }
    volumes.remove(volume.rawValue)
    part.pages = IntegerMap()
  }

  /// Puts a transaction's changes on top. The caller holds the lock that guards the layer.
  func merge(_ change: Change, lsn: LSN, pageByteCount: Int) {
    var added = 0
    var addedPageCount = 0
    for (volume, part) in change.parts {
      if part.adopted != nil { adopts = true }
      sharedPageCount += part.sharedPageCount
      if let known = volumes[volume.rawValue] {
        addedPageCount += known.merge(part)
        known.lastLSN = lsn
      } else {
        volumes.insert(part, at: volume.rawValue)
        part.lastLSN = lsn
        addedPageCount += part.pages.count
        added += Self.entryByteCount * 4
      }
    }
    pageCount += addedPageCount
    added += addedPageCount * (pageByteCount + Self.entryByteCount)
    byteCount += added
    meter.add(added)
  }

  /// Lays another layer's content on top, which stays as it is. Only for layers that nobody else
  /// has.
  func lay(_ upper: Layer) {
    upper.volumes.forEach { volume, part in
      let own = volumes[volume] ?? VolumeLayer(attributes: nil)
      if volumes[volume] == nil { volumes.insert(own, at: volume) }
      _ = own.merge(part)
      own.lastLSN = part.lastLSN
    }
    holdsUnreadable = holdsUnreadable || upper.holdsUnreadable
  }

  deinit { meter.add(-byteCount) }
}

/// Counts the RAM of all layers of a store.
final class OverlayMeter: Sendable {
  private let total = Atomic<Int>(0)

  var byteCount: Int { total.load(ordering: .relaxed) }
  func add(_ delta: Int) { total.add(delta, ordering: .relaxed) }
}

/// A volume's part of a layer. Guarded as its layer is.
final class VolumeLayer {
  /// The volume's attributes at the top of this layer; `nil` when it was dropped.
  var attributes: VolumeAttributes?
  /// Pages that read as zero unless `pages` has them; a lookup never falls through to the layer
  /// below.
  var holes = IntervalSet()
  var pages = IntegerMap<OverlayPage>()
  /// A volume that took this one's place: lookups that `pages` and `holes` do not answer continue
  /// in its tree, never in the layer below.
  var adopted: Ref?
  /// How many pages were put here that are another volume's; some may be gone since.
  var sharedPageCount = 0
  /// Whether nothing of the volume below shows through: it was dropped or replaced here.
  var replaces = false
  /// The newest record of this layer that changed the volume.
  var lastLSN = LSN.zero

  init(attributes: VolumeAttributes?) { self.attributes = attributes }

  enum Answer {
    case page(OverlayPage)
    case hole
    case adopted(Ref)
    case below

    var isBelow: Bool { if case .below = self { true } else { false } }
  }

  func lookup(_ page: PageNumber) -> Answer {
    if let found = pages[page.rawValue] { return .page(found) }
    if holes.contains(page.rawValue) { return .hole }
    if let adopted { return .adopted(adopted) }
    return replaces ? .hole : .below
  }

  /// Makes the pages of `range` read as zero.
  func punch(_ range: Range<UInt64>) {
    pages.remove(in: range)
    holes.insert(range)
  }

  /// Ends what shows through from below; the content becomes the tree under `top`, or nothing.
  func replace(with top: Ref?) {
    pages = IntegerMap()
    holes = IntervalSet()
    adopted = top
    replaces = true
  }

  /// Lays `part`, which was made on top of this one, over it. Returns by how much the number of
  /// pages grew.
  func merge(_ part: VolumeLayer) -> Int {
    let before = pages.count
    attributes = part.attributes
    if part.replaces {
      replace(with: part.adopted)
    }
    for range in part.holes.ranges { punch(range) }
    part.pages.forEach { pages.insert($1, at: $0) }
    return pages.count - before
  }

  func checkInvariants() {
    holes.checkInvariants()
    precondition(adopted == nil || attributes != nil, "a dropped volume adopts nothing")
  }
}
