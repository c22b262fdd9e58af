package import CoppiceFormat
package import CoppicePlatform
internal import Synchronization

extension StagingImport {
  /// The table of volumes that the import started from; `nil` for an empty one.
  package var startRoot: Ref? { start.root.isHole ? nil : start.root }

  /// A node of the state that the import started from.
  package func node(_ ref: Ref) throws(StoreError) -> Node { try core.frames.node(ref) }

  package var secret: HashSecret { core.secret }

  /// The content of a full page of the import's store.
  package func fullPage(_ ref: Ref) throws(StoreError) -> PageBuffer {
    precondition(!ref.locator.form.isDerived)
    return try core.frames.page(ref)
  }

  /// The full page that a page of the import's store builds on, with the hash of what is read.
  package func base(of ref: Ref) throws(StoreError) -> Ref {
    try core.frames.codecs.withSet { set throws(StoreError) in
      let locator = try core.frames.base(of: ref.locator, set)
      let page = try core.frames.basePage(locator, set)
      return Ref(hash: core.frames.secret.pageHash(page.contents), locator: locator)
    }
  }

  /// Takes a leaf over from the state that the import started from.
  package func keepLeaf(_ volume: VolumeNumber, index: UInt64) throws(StoreError) {
    try core.latch.withShared { () throws(StoreError) in
      let leaf = try VolumeSealPlan.oldLeaf(
        try start.top(volume), index << Radix.bitCount, core.frames)
      guard !leaf.isHole else { return }
      let refs = Node.allocateRefs()
      defer { refs.deallocate() }
      if index == 0 { refs.update(from: try core.frames.node(leaf).refs, count: Node.slotCount) }
      state.withLock { state in
        var filling = state.filling[volume.rawValue] ?? FillingVolume()
        if index == 0 {
          filling.firstLeaf = Array(UnsafeBufferPointer(start: refs, count: Node.slotCount))
        } else {
          filling.leaves.insert(leaf, at: index << Radix.bitCount)
        }
        state.filling.insert(filling, at: volume.rawValue)
      }
    }
  }

  /// Stores copied pages and the leaves that they are for, and returns the pages' refs, which may
  /// be used in later leaves of the import.
  package func putCopies(
    _ frames: [CopiedFrame], _ leaves: [CopiedLeaf]
  ) throws(StoreError) -> [Ref] {
    try checkUsable()
    try core.room.admitSeal()
    return try core.latch.withShared { () throws(StoreError) in
      let refs = try store(frames)
      for leaf in leaves { try put(leaf, refs) }
      return refs
    }
  }

  /// Removes a volume of the state that the import started from.
  package func removeVolume(_ volume: VolumeNumber) throws(StoreError) {
    try checkUsable()
    state.withLock { _ = $0.finished.insert(.hole, at: volume.rawValue) }
  }

  /// Full pages first: those that build on them need their places.
  private func store(_ frames: [CopiedFrame]) throws(StoreError) -> [Ref] {
    var refs = [Ref](repeating: .hole, count: frames.count)
    for (index, frame) in frames.enumerated() where !frame.form.isDerived {
      let locator = try context.appender.append(
        PendingFrame(
          stored: frame.payload, form: frame.form, hashPrefix: frame.hash.low,
          volume: frame.volume, page: frame.page, base: .none))
      refs[index] = Ref(hash: frame.hash, locator: locator)
      context.equals.note(refs[index])
    }
    let stored = AlignedBuffer()
    for (index, frame) in frames.enumerated() where frame.form.isDerived {
      let base: Ref
      switch frame.base {
      case .none: preconditionFailure("a derived page without a base")
      case .stored(let ref): base = ref
      case .copied(let place): base = refs[place]
      }
      precondition(!base.isHole && !base.locator.form.isDerived)
      stored.removeAll()
      base.locator.encode(
        into: UnsafeMutableRawBufferPointer(
          start: stored.extend(Locator.byteCount), count: Locator.byteCount))
      stored.append(frame.payload)
      let locator = try context.appender.append(
        PendingFrame(
          stored: stored.contents, form: frame.form, hashPrefix: frame.hash.low,
          volume: frame.volume, page: frame.page, base: base.locator.name))
      refs[index] = Ref(hash: frame.hash, locator: locator)
    }
    return refs
  }

  private func put(_ leaf: CopiedLeaf, _ copied: [Ref]) throws(StoreError) {
    let refs = Node.allocateRefs()
    defer { refs.deallocate() }
    for (slot, content) in leaf.slots.enumerated() {
      switch content {
      case .hole: break
      case .stored(let ref): refs[slot] = ref
      case .copied(let index): refs[slot] = copied[index]
      }
    }
    try putLeaf(leaf.volume, leafIndex: leaf.index, refs, SealCounts())
  }
}
