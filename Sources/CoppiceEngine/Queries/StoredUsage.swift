internal import CoppiceFormat
internal import CoppicePlatform

/// What a group of branches holds.
package struct GroupUsage: Hashable, Sendable {
  /// Bytes of the volumes as their readers see them, volume 0 not counted; holes count.
  package var logicalByteCount: UInt64 = 0
  package var volumeCount = 0
  /// Stored bytes of the frames that the group refers to.
  package var storedByteCount: UInt64 = 0
  /// Those of them that nothing else refers to: what deleting the group frees.
  package var exclusiveByteCount: UInt64 = 0
}

/// What all branches of a store hold together.
package struct StoreUsage: Hashable, Sendable {
  package var groups: [GroupUsage] = []
  /// Bytes of all segments.
  package var segmentByteCount: UInt64 = 0
  /// Stored bytes of frames that some branch refers to.
  package var liveByteCount: UInt64 = 0
  /// Stored bytes of frames that no branch refers to.
  package var garbageByteCount: UInt64 = 0
  /// Content of the live pages, uncompressed.
  package var uniqueByteCount: UInt64 = 0
}

extension Engine {
  /// Counts what groups of branches hold. Deleted branches count as gone.
  ///
  /// Reads every node that is in use and the directories of all segments; takes two bytes of memory
  /// for each frame of the store.
  package func usage(of groups: [[EngineBranch]]) throws(StoreError) -> StoreUsage {
    try checkOpen()
    var usage = StoreUsage()
    let size = UsageCounter.groupCountMax
    var start = 0
    repeat {
      let some = Array(groups[start..<min(start + size, groups.count)])
      var counter = try UsageCounter(self, some)
      let counted = try counter.run()
      usage.groups += counted.groups
      usage.segmentByteCount = counted.segmentByteCount
      usage.liveByteCount = counted.liveByteCount
      usage.garbageByteCount = counted.garbageByteCount
      usage.uniqueByteCount = counted.uniqueByteCount
      start += size
    } while start < groups.count
    return usage
  }
}

/// Marks frames with a bit for each group, and one for all other branches, then adds up directories.
private struct UsageCounter {
  static let groupCountMax = 15
  private static let othersBit: UInt16 = 1 << 15

  private let engine: Engine
  private let groups: [[PinnedView]]
  private let others: [PinnedView]
  private let masks = FrameMasks()
  private var usage = StoreUsage()

  init(_ engine: Engine, _ groups: [[EngineBranch]]) throws(StoreError) {
    precondition(groups.count <= Self.groupCountMax)
    self.engine = engine
    var known: Set<BranchID> = []
    var pinned: [[PinnedView]] = []
    for group in groups {
      var views: [PinnedView] = []
      for branch in group {
        known.insert(branch.id)
        views.append(try engine.pinnedView(of: branch))
      }
      pinned.append(views)
    }
    self.groups = pinned
    var others: [PinnedView] = []
    for entry in engine.branchEntries()
    where !entry.flags.contains(.deleted) && !known.contains(entry.id) {
      if let branch = engine.branch(entry.id) { others.append(try engine.pinnedView(of: branch)) }
    }
    self.others = others
  }

  mutating func run() throws(StoreError) -> StoreUsage {
    for (index, group) in groups.enumerated() {
      usage.groups.append(GroupUsage())
      for view in group {
        try mark(view.state, bit: 1 << UInt16(index))
        try countVolumes(view.state, group: index)
      }
    }
    for view in others { try mark(view.state, bit: Self.othersBit) }
    try addUp()
    return usage
  }

  // MARK: Marking

  private func mark(_ state: SealedState, bit: UInt16) throws(StoreError) {
    try mark(node: state.root.root, bit)
    for layer in state.frozen.layers {
      for volume in layer.volumes.sortedKeys() {
        guard let part = layer.volumes[volume] else { continue }
        if let adopted = part.adopted { try mark(node: adopted, bit) }
        for page in part.pages.sortedKeys() {
          if case .shared(let ref) = part.pages[page] { masks.insert(bit, ref.locator.name) }
        }
      }
    }
  }

  private func mark(node ref: Ref, _ bit: UInt16) throws(StoreError) {
    guard !ref.isHole, masks.insert(bit, ref.locator.name) else { return }
    try markChildren(of: engine.frames.node(ref), bit)
  }

  private func markChildren(of node: Node, _ bit: UInt16) throws(StoreError) {
    if let base = node.base, masks.insert(bit, base.name) {
      try markChildren(of: engine.frames.baseNode(base), bit)
    }
    let refersToPages = node.header.kind == .volumeNode && node.header.level == 0
    for slot in 0..<Node.slotCount {
      let ref = node[slot]
      if ref.isHole { continue }
      if refersToPages {
        masks.insert(bit, ref.locator.name)
      } else {
        try mark(node: ref, bit)
      }
    }
  }

  // MARK: Logical bytes

  private mutating func countVolumes(_ state: SealedState, group: Int) throws(StoreError) {
    var numbers: Set<UInt64> = []
    if !state.root.root.isHole {
      try collectVolumes(under: engine.frames.node(state.root.root), into: &numbers)
    }
    for layer in state.frozen.layers { numbers.formUnion(layer.volumes.sortedKeys()) }
    for number in numbers where number != VolumeNumber.names.rawValue {
      guard let attributes = try state.attributes(of: VolumeNumber(number)) else { continue }
      usage.groups[group].logicalByteCount += attributes.byteCount
      usage.groups[group].volumeCount += 1
    }
  }

  private func collectVolumes(
    under node: Node, into numbers: inout Set<UInt64>
  ) throws(StoreError) {
    for slot in 0..<Node.slotCount where !node[slot].isHole {
      if node.header.level == 0 {
        numbers.insert(node.header.firstKey + UInt64(slot))
      } else {
        try collectVolumes(under: engine.frames.node(node[slot]), into: &numbers)
      }
    }
  }

  // MARK: Stored bytes

  private mutating func addUp() throws(StoreError) {
    let segments = engine.control.withLock {
      engine.catalogue.segments.values.sorted { $0.id < $1.id }
    }
    // A derived frame needs its base; bases are found before anything is counted.
    for segment in segments {
      try forEachFrame(segment) { name, frame in
        let bits = masks[name]
        if bits != 0, frame.base != .none { masks.insert(bits, frame.base) }
      }
    }
    for segment in segments {
      usage.segmentByteCount += segment.byteCount
      var counted = usage
      try forEachFrame(segment) { name, frame in
        counted.add(frame, masks[name], pageByteCount: engine.pageByteCount)
      }
      usage = counted
    }
  }

  private func forEachFrame(
    _ segment: SegmentEntry, _ body: (FrameName, BundleDirectoryEntry) -> Void
  ) throws(StoreError) {
    let file: any DiskFile
    do throws(SystemError) { file = try engine.files.file(segment.id) } catch {
      throw StoreError(error, while: "reading a segment's directories")
    }
    try SegmentDirectory.forEachBundle(segment, file) { bundle throws(StoreError) in
      for (index, frame) in bundle.directory.entries.enumerated() {
        let own = FrameName(
          segment: segment.id, ordinal: bundle.header.firstOrdinal + UInt32(index))
        body(frame.home == .none ? own : frame.home, frame)
      }
    }
  }
}

extension StoreUsage {
  fileprivate mutating func add(
    _ frame: BundleDirectoryEntry, _ mask: UInt16, pageByteCount: Int
  ) {
    let byteCount = UInt64(frame.storedByteCount)
    guard mask != 0 else {
      garbageByteCount += byteCount
      return
    }
    liveByteCount += byteCount
    if frame.form.kind == .page { uniqueByteCount += UInt64(pageByteCount) }
    for index in groups.indices where mask & (1 << UInt16(index)) != 0 {
      groups[index].storedByteCount += byteCount
      if mask == 1 << UInt16(index) { groups[index].exclusiveByteCount += byteCount }
    }
  }
}
