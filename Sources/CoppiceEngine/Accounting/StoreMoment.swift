internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// All entries of a store at one moment, deleted ones too, and the segments that hold their frames.
/// What they refer to stays until this object is released.
final class StoreMoment {
  struct Entry {
    var entry: BranchEntry
    var root: RootView
    var overlay: OverlaySummary
    var unsealed: UnsealedPages

    /// All that the entry refers to itself: its root, and frames that its layers have.
    var refs: [Ref] { [root.root] + overlay.refs.map(\.ref) }
  }

  let entries: [Entry]
  /// Roots that readers hold besides.
  let pinnedRoots: [Ref]
  /// Frames that running imports refer to.
  let importedRefs: [Ref]
  /// What they hold besides, of what is not sealed.
  let pinnedPages: UnsealedPages
  let segments: [SegmentEntry]
  private let retired: [SegmentID: RetiredSegment]
  private let core: StoreCore
  private let pins: [UInt64]

  private struct Taken {
    var entry: BranchEntry
    var sealed: SealedState
    var open: OverlaySummary
    var unsealed: UnsealedPages
  }

  init(_ core: StoreCore) throws(StoreError) {
    try core.gate.checkOpen()
    self.core = core
    var pins: [UInt64] = []
    var readers: [PinnedStates.Pin] = []
    var imported: [Ref] = []
    var taken: [Taken] = []
    core.keeper.read { kept in
      // Whoever holds these may let go of them at any time.
      readers = core.pins.all
      for pin in readers { pins.append(core.pins.insert(pin.state, refs: pin.refs)) }
      imported = core.stagings.all.flatMap(\.storedRefs)
      pins.append(core.pins.insert(nil, refs: imported))
      for branch in kept.branches.values.sorted(by: { $0.id < $1.id }) {
        guard let entry = kept.catalogue.branches[branch.id] else { continue }
        var open = OverlaySummary()
        var unsealed = UnsealedPages()
        let sealed = branch.state.withLock { state in
          open.add(state.open)
          unsealed.add(state.open)
          return state.sealed
        }
        // The branch may lose what its open layer refers to.
        pins.append(core.pins.insert(sealed, refs: open.refs.map(\.ref)))
        taken.append(Taken(entry: entry, sealed: sealed, open: open, unsealed: unsealed))
      }
    }
    self.pins = pins
    importedRefs = imported
    pinnedRoots = readers.flatMap(Self.roots)
    var pinnedPages = UnsealedPages()
    for layer in readers.flatMap({ $0.state?.frozen.layers ?? [] }) { pinnedPages.add(layer) }
    self.pinnedPages = pinnedPages
    entries = taken.map { item in
      var overlay = OverlaySummary()
      var unsealed = item.unsealed
      for layer in item.sealed.frozen.layers {
        overlay.add(layer)
        unsealed.add(layer)
      }
      overlay.add(item.open)
      return Entry(
        entry: item.entry, root: item.sealed.root, overlay: overlay, unsealed: unsealed)
    }
    // After the states: whatever they refer to was published before.
    (segments, retired) = core.keeper.read { kept in
      (kept.catalogue.segments.values.sorted { $0.id < $1.id }, kept.catalogue.retired)
    }
  }

  private static func roots(_ pin: PinnedStates.Pin) -> [Ref] {
    guard let state = pin.state else { return pin.refs }
    var overlay = OverlaySummary()
    for layer in state.frozen.layers { overlay.add(layer) }
    return [state.root.root] + overlay.refs.map(\.ref) + pin.refs
  }

  /// The segments with frames that bear these ids.
  func segments(holding homes: Set<SegmentID>) -> [SegmentEntry] {
    var places = homes
    for home in homes { places.formUnion(retired[home]?.hosts ?? []) }
    return segments.filter { places.contains($0.id) }
  }

  /// The segments with frames that bear this id or a greater one, and perhaps others.
  func segments(holdingFrom first: SegmentID) -> [SegmentEntry] {
    var hosts: Set<SegmentID> = []
    for home in retired.values where home.id >= first { hosts.formUnion(home.hosts) }
    return segments.filter { $0.id >= first || hosts.contains($0.id) }
  }

  deinit { for pin in pins { core.pins.remove(pin) } }
}

/// What layers say about volumes as wholes, and the frames that they refer to themselves.
struct OverlaySummary {
  /// A volume's attributes; inner `nil` when it was dropped.
  private(set) var attributes: [VolumeNumber: VolumeAttributes?] = [:]
  /// Shared pages and adopted volumes, in order of their names.
  private(set) var refs: [OverlayRef] = []
  /// Pages whose bytes are in RAM.
  private(set) var pageCount = 0

  /// Lays a layer on top. The caller holds the lock that guards the layer.
  mutating func add(_ layer: Layer) {
    var found: [OverlayRef] = []
    for number in layer.volumes.sortedKeys() {
      guard let part = layer[VolumeNumber(number)] else { continue }
      attributes.updateValue(part.attributes, forKey: VolumeNumber(number))
      let volume = VolumeNumber(number)
      if let adopted = part.adopted { found.append(OverlayRef(volume: volume, ref: adopted)) }
      for page in part.pages.sortedKeys() {
        switch part.pages[page] {
        case .bytes: pageCount += 1
        case .shared(let ref) where !ref.isHole:
          found.append(OverlayRef(volume: volume, page: PageNumber(page), ref: ref))
        default: break
        }
      }
    }
    take(found)
  }

  mutating func add(_ upper: OverlaySummary) {
    attributes.merge(upper.attributes) { $1 }
    pageCount += upper.pageCount
    take(upper.refs)
  }

  private mutating func take(_ more: [OverlayRef]) {
    guard !more.isEmpty else { return }
    refs = (refs + more).sorted { $0.ref.locator.name < $1.ref.locator.name }
  }
}

/// A frame that a layer refers to: an adopted volume's top node, or a shared page.
struct OverlayRef: Hashable {
  var volume: VolumeNumber
  /// `nil` for an adopted volume.
  var page: PageNumber?
  var ref: Ref
}
