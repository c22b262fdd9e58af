package import CoppiceFormat
internal import CoppicePlatform

/// How one volume differs between two branches.
package struct VolumeDifference: Hashable, Sendable {
  package var volume: VolumeNumber
  /// `nil` where the branch has no such volume.
  package var old: VolumeAttributes?
  package var new: VolumeAttributes?
  /// Pages whose content differs, ascending. Empty when only times or a byte count do.
  package var pages: [Range<UInt64>]
}

extension Engine {
  /// Calls `visit` for every volume that differs between two branches or snapshots as they are now,
  /// in order of numbers. Takes time in proportion to what differs; stored pages are compared by
  /// their hashes, pages that are still in RAM by their bytes.
  package func differences(
    from old: EngineBranch, to new: EngineBranch,
    _ visit: (VolumeDifference) throws(StoreError) -> Void
  ) throws(StoreError) {
    try withPinnedState(of: old) { oldState throws(StoreError) in
      try withPinnedState(of: new) { newState throws(StoreError) in
        let difference = BranchDifference(old: oldState, new: newState, frames: frames)
        for volume in try difference.candidates() {
          if let found = try difference.volume(volume) { try visit(found) }
        }
      }
    }
  }
}

/// Compares two states: where roots or layers differ is looked at, the rest is equal.
private struct BranchDifference {
  let old: SealedState
  let new: SealedState
  let frames: FrameReader
  /// Layers that only one of the two has.
  private let unshared: [Layer]

  init(old: SealedState, new: SealedState, frames: FrameReader) {
    self.old = old
    self.new = new
    self.frames = frames
    let oldLayers = Set(old.frozen.layers.map { ObjectIdentifier($0) })
    let newLayers = Set(new.frozen.layers.map { ObjectIdentifier($0) })
    unshared =
      old.frozen.layers.filter { !newLayers.contains(ObjectIdentifier($0)) }
      + new.frozen.layers.filter { !oldLayers.contains(ObjectIdentifier($0)) }
  }

  func candidates() throws(StoreError) -> [VolumeNumber] {
    var numbers: Set<UInt64> = []
    try TreeDifference(frames: frames).forEach(tableRoot(old), tableRoot(new)) { key, _, _ in
      numbers.insert(key)
    }
    for layer in unshared { layer.volumes.forEach { volume, _ in numbers.insert(volume) } }
    return numbers.sorted().map { VolumeNumber($0) }
  }

  private func tableRoot(_ state: SealedState) throws(StoreError) -> Node? {
    state.root.root.isHole ? nil : try frames.node(state.root.root)
  }

  func volume(_ volume: VolumeNumber) throws(StoreError) -> VolumeDifference? {
    let oldView = try VolumeView(old, volume, frames: frames)
    let newView = try VolumeView(new, volume, frames: frames)
    var changed = PageRanges()
    for range in try candidates(oldView, newView).ranges {
      for page in range where try isDifferent(PageNumber(page), oldView, newView) {
        changed.append(page..<page + 1)
      }
    }
    if changed.isEmpty, oldView.attributes == newView.attributes { return nil }
    return VolumeDifference(
      volume: volume, old: oldView.attributes, new: newView.attributes, pages: changed.ranges)
  }

  private func candidates(
    _ oldView: VolumeView, _ newView: VolumeView
  ) throws(StoreError) -> PageRanges {
    var result = PageRanges()
    try TreeDifference(frames: frames).forEach(oldView.top, newView.top) { key, _, _ in
      result.append(key..<key + 1)
    }
    let unshared = Set(self.unshared.map { ObjectIdentifier($0) })
    for part in oldView.parts + newView.parts {
      guard let layer = part.layer, unshared.contains(ObjectIdentifier(layer)) else { continue }
      result = result.union(part.pages)
      if part.holes.isEmpty, !part.replaces { continue }
      let stored = try oldView.storedPages(in: 0..<UInt64.max)
        .union(newView.storedPages(in: 0..<UInt64.max))
      result = result.union(part.replaces ? stored : stored.intersection(part.holes))
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
