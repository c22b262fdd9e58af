package import CoppiceFormat
internal import CoppicePlatform

/// How one volume differs between two branches.
package struct VolumeDifference: Hashable, Sendable {
  /// Its number in the new state.
  package var volume: VolumeNumber
  /// `nil` where the branch has no such volume.
  package var old: VolumeAttributes?
  /// `nil` where the branch has no such volume.
  package var new: VolumeAttributes?
  /// Pages whose content differs, ascending. Empty when only times or a byte count do.
  package var pages: [Range<UInt64>]
}

/// Compares two moments of one store: where roots or layers differ is looked at, the rest is equal.
///
/// Stored pages are compared by their hashes, pages that are still in RAM by their bytes.
package struct BranchDifference {
  private let old: SealedState
  private let new: SealedState
  private let frames: FrameReader
  /// Layers that only one of the two has.
  private let unshared: [Layer]
  private let unsharedIDs: Set<ObjectIdentifier>

  /// Both views are of one store.
  package init(from old: PinnedView, to new: PinnedView) {
    self.old = old.state
    self.new = new.state
    frames = new.core.frames
    let oldIDs = Set(old.state.frozen.layers.map { ObjectIdentifier($0) })
    let newIDs = Set(new.state.frozen.layers.map { ObjectIdentifier($0) })
    unshared =
      old.state.frozen.layers.filter { !newIDs.contains(ObjectIdentifier($0)) }
      + new.state.frozen.layers.filter { !oldIDs.contains(ObjectIdentifier($0)) }
    unsharedIDs = Set(unshared.map { ObjectIdentifier($0) })
  }

  /// Calls `visit` for every volume that differs, in order of numbers. Takes time in proportion to
  /// what differs.
  package func forEachVolume(
    _ visit: (VolumeDifference) throws(StoreError) -> Void
  ) throws(StoreError) {
    for volume in try candidates() {
      if let found = try difference(of: volume, and: volume) { try visit(found) }
    }
  }

  private func candidates() throws(StoreError) -> [VolumeNumber] {
    var numbers: Set<UInt64> = []
    try TreeDifference(frames: frames).forEach(tableRoot(old), tableRoot(new)) { key, _, _ in
      numbers.insert(key)
    }
    for layer in unshared {
      numbers.formUnion(layer.volumes.sortedKeys())
      // A look at these fails, as it should: whether they differ is not known.
      numbers.formUnion(layer.lostVolumes.keys.map(\.rawValue))
    }
    return numbers.sorted().map { VolumeNumber($0) }
  }

  private func tableRoot(_ state: SealedState) throws(StoreError) -> Node? {
    state.root.root.isHole ? nil : try frames.node(state.root.root)
  }

  /// How a volume of the new state differs from one of the old state; `nil` when it does not.
  package func difference(
    of oldVolume: VolumeNumber, and newVolume: VolumeNumber
  ) throws(StoreError) -> VolumeDifference? {
    let oldView = try VolumeView(old, oldVolume, frames: frames)
    let newView = try VolumeView(new, newVolume, frames: frames)
    var changed = PageRanges()
    for range in try candidates(oldView, newView).ranges {
      for page in range where try isDifferent(PageNumber(page), oldView, newView) {
        changed.append(page..<page + 1)
      }
    }
    if changed.isEmpty, oldView.attributes == newView.attributes { return nil }
    return VolumeDifference(
      volume: newVolume, old: oldView.attributes, new: newView.attributes, pages: changed.ranges)
  }

  private func candidates(
    _ oldView: VolumeView, _ newView: VolumeView
  ) throws(StoreError) -> PageRanges {
    var result = PageRanges()
    try TreeDifference(frames: frames).forEach(oldView.top, newView.top) { key, _, _ in
      result.append(key..<key + 1)
    }
    let isOneVolume = oldView.volume == newView.volume
    for part in oldView.parts + newView.parts {
      guard let layer = part.layer else { continue }
      if isOneVolume, !unsharedIDs.contains(ObjectIdentifier(layer)) { continue }
      result = result.union(part.pages)
      var stored = PageRanges()
      for hidden in part.replaces ? [0..<UInt64.max] : part.holes.ranges {
        let own = try oldView.storedPages(in: hidden).union(newView.storedPages(in: hidden))
        for range in own.ranges { stored.append(range) }
      }
      result = result.union(stored)
    }
    return result
  }

  private func isDifferent(
    _ page: PageNumber, _ oldView: VolumeView, _ newView: VolumeView
  ) throws(StoreError) -> Bool {
    switch (try oldView.content(page), try newView.content(page)) {
    case (.hole, .hole): return false
    case (.stored(let a), .stored(let b)): return a.hash != b.hash
    case (.hole, .stored), (.stored, .hole): return true
    case (let a, let b): return try !hasEqualBytes(buffer(a), buffer(b))
    }
  }

  /// `nil` stands for zeros.
  private func buffer(_ content: VolumeView.Content) throws(StoreError) -> PageBuffer? {
    switch content {
    case .hole: nil
    case .stored(let ref): try frames.page(ref)
    case .bytes(let buffer): buffer
    }
  }

  private func hasEqualBytes(_ a: PageBuffer?, _ b: PageBuffer?) -> Bool {
    if a === b { return true }
    if let a, let b { return a.contents.elementsEqual(b.contents) }
    return (a ?? b)?.contents.allSatisfy { $0 == 0 } ?? true
  }
}
