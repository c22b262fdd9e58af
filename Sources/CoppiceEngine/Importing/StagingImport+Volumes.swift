package import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

extension StagingImport {
  /// Stores the pages of one leaf: the volume's bytes from `leafIndex` × 256 pages on, at most 256
  /// pages, the last perhaps in part. Pages that the replaced branch has there cost nothing.
  package func putLeaf(
    _ volume: VolumeNumber, leafIndex: UInt64, pages: UnsafeRawBufferPointer
  ) throws(StoreError) {
    try checkUsable()
    try core.room.admitSeal()
    precondition(pages.count <= Node.slotCount * pageByteCount, "more than a leaf of pages")
    try core.latch.withShared { () throws(StoreError) in
      if pages.count % pageByteCount == 0 {
        try put(volume, leafIndex, pages)
      } else {
        let padded = AlignedBuffer(byteCountMin: pages.count + pageByteCount)
        padded.append(pages)
        padded.pad(to: pageByteCount)
        try put(volume, leafIndex, padded.contents)
      }
    }
  }

  private func put(_ volume: VolumeNumber, _ leafIndex: UInt64, _ pages: UnsafeRawBufferPointer)
    throws(StoreError)
  {
    let firstPage = leafIndex << Radix.bitCount
    let job = LeafJob(
      volume: volume, firstPage: firstPage,
      old: try VolumeSealPlan.oldLeaf(try start.top(volume), firstPage, core.frames),
      pages: .whole(pages), attributes: nil)
    let refs = Node.allocateRefs()
    defer { refs.deallocate() }
    var counts = SealCounts()
    try job.sealPages(context, into: refs, counts: &counts)
    try putLeaf(volume, leafIndex: leafIndex, refs, counts)
  }

  /// Stores a leaf whose pages are stored. The caller holds the seal latch.
  func putLeaf(
    _ volume: VolumeNumber, leafIndex: UInt64, _ refs: UnsafeMutablePointer<Ref>,
    _ counts: SealCounts
  ) throws(StoreError) {
    if leafIndex == 0 {
      let kept = Array(UnsafeBufferPointer(start: refs, count: Node.slotCount))
      update(volume, counts) { $0.firstLeaf = kept }
      return
    }
    let firstPage = leafIndex << Radix.bitCount
    let content = NodeSealer.Content(
      kind: .volumeNode, level: 0, firstKey: firstPage, attributes: nil, volume: volume)
    let old = try VolumeSealPlan.oldLeaf(try start.top(volume), firstPage, core.frames)
    var counts = counts
    let leaf = try NodeSealer(context: context).seal(
      content, refs: refs, old: old, counts: &counts)
    update(volume, counts) { $0.leaves.insert(leaf, at: firstPage) }
  }

  private func update(
    _ volume: VolumeNumber, _ counts: SealCounts, _ change: (inout FillingVolume) -> Void
  ) {
    state.withLock { state in
      var filling = state.filling[volume.rawValue] ?? FillingVolume()
      change(&filling)
      state.filling.insert(filling, at: volume.rawValue)
      state.counts.add(counts)
    }
  }

  /// Completes a volume from the leaves that were put; leaves that were not are holes.
  package func finishVolume(_ volume: VolumeNumber, byteCount: UInt64, modified: Int64)
    throws(StoreError)
  {
    try checkUsable()
    try core.latch.withShared { () throws(StoreError) in
      try finish(volume, VolumeAttributes(byteCount: byteCount, modified: modified))
    }
    let (isHiding, isDue) = state.withLock {
      (!$0.hidden.isEmpty, $0.finished.count >= Self.foldVolumeCount)
    }
    guard isHiding || isDue else { return }
    try folding.withLock { () throws(StoreError) in
      dropHidden()
      if isDue { try fold() }
    }
  }

  private func finish(_ volume: VolumeNumber, _ attributes: VolumeAttributes) throws(StoreError) {
    // It stays in `filling` until it is in `finished`: the collector looks at both.
    let filling = state.withLock { state in
      state.filling[volume.rawValue] ?? FillingVolume()
    }
    var counts = SealCounts()
    let top = try assemble(volume, filling, attributes, &counts)
    state.withLock { state in
      state.filling.remove(volume.rawValue)
      // A fold may be reading the layer.
      if state.layer[volume] != nil { state.hidden.insert(volume) }
      state.finished.insert(top, at: volume.rawValue)
      state.counts.add(counts)
    }
  }

  private func assemble(
    _ volume: VolumeNumber, _ filling: FillingVolume, _ attributes: VolumeAttributes,
    _ counts: inout SealCounts
  ) throws(StoreError) -> Ref {
    let level = attributes.topLevel(pageByteCount: pageByteCount)
    let oldTop = try start.topRef(volume) ?? .hole
    var leaves: [ChildChange] = []
    if let firstLeaf = filling.firstLeaf ?? (level == 0 ? [] : nil) {
      let refs = Node.allocateRefs()
      defer { refs.deallocate() }
      for (slot, ref) in firstLeaf.enumerated() { refs[slot] = ref }
      let content = NodeSealer.Content(
        kind: .volumeNode, level: 0, firstKey: 0, attributes: level == 0 ? attributes : nil,
        volume: volume)
      let old = try VolumeSealPlan.oldLeaf(try start.top(volume), 0, core.frames)
      let leaf = try NodeSealer(context: context).seal(
        content, refs: refs, old: old, counts: &counts)
      leaves.append(ChildChange(key: 0, ref: leaf))
    }
    for key in filling.leaves.sortedKeys() {
      if let ref = filling.leaves[key] { leaves.append(ChildChange(key: key, ref: ref)) }
    }
    return try TreeAssembler.assemble(
      volume, leaves: leaves, attributes, oldTop: oldTop, context, counts: &counts)
  }

  /// The id of a volume's top node: where it is equal, bytes, byte counts and times are. `nil` for
  /// a volume that does not exist, and for one that small writes changed.
  package func contentID(of volume: VolumeNumber) throws(StoreError) -> PageHash? {
    let (isWritten, finished, root) = state.withLock { state in
      (state.part(of: volume) != nil, state.finished[volume.rawValue], state.root)
    }
    if isWritten { return nil }
    if let finished { return finished.isHole ? nil : finished.hash }
    guard let top = try root.topRef(volume), !top.isHole else { return nil }
    return top.hash
  }
}
