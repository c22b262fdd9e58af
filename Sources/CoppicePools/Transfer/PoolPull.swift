package import CoppiceEngine
package import CoppiceErrors
package import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

// A pull copies what the store does not have:
//
// 1. COMPARE: the pool's tree is walked beside the state that the import started from. Volumes and
//    leaves with equal ids stay as they are.
// 2. PAGES of leaves that differ, some leaves at a time, while those after them are fetched: what
//    the store has in the same slot is taken over, all else is decoded, held against its hash, and
//    stored as it is. A page that builds on another goes with that base: the one here with the same
//    bytes, or else it is fetched too.
// 3. VOLUMES come together of their leaves; each has the id that it has in the pool.

/// One pull of a tree on its way.
struct PoolPull: Sendable {
  private static let batchByteCount = 32 << 20

  private let content: PoolContent
  private let staging: StagingImport
  private let reader: PageReader
  private let ahead: TransferLanes
  private let comparison: TreeComparison<PoolContent, StagingImport>
  private let placed = PlacedPages()
  private(set) var result = PullResult()

  init(_ content: PoolContent, into staging: StagingImport) throws(StoreError) {
    self.content = content
    self.staging = staging
    reader = try PageReader(content)
    ahead = try TransferLanes(count: 1, byteCountMax: 1)
    comparison = TreeComparison(new: content, old: staging)
  }

  private struct Leaf: Sendable {
    let volume: VolumeNumber
    let node: Node
    let beside: [Node]
    /// Of a page by its slot: what the store has.
    var known: [Int: Ref] = [:]
  }

  /// Leaves that are fetched together.
  private struct Batch: Sendable {
    var leaves: [Leaf] = []
    /// Pages to fetch, each once.
    var pages: [Ref] = []
    /// Of a derived page by its name, what it builds on here, where that is known.
    var bases: [FrameName: Ref] = [:]
    var byteCount = 0
    /// Volumes that are complete with this batch.
    var finished: [(volume: VolumeNumber, top: Node)] = []

    private var lastEnd: (segment: SegmentID, offset: Int)?

    var isEmpty: Bool { leaves.isEmpty && finished.isEmpty }

    /// One that does not lie behind the last one brings a box of its own.
    mutating func add(_ page: Ref) {
      let locator = page.locator
      pages.append(page)
      let isNext =
        lastEnd.map {
          $0.segment == locator.name.segment
            && 0...PoolBoxes.boxByteCount ~= Int(locator.offset) - $0.offset
        } ?? false
      byteCount += locator.storedByteCount + (isNext ? 0 : PoolBoxes.boxByteCount)
      lastEnd = (locator.name.segment, Int(locator.offset) + locator.storedByteCount)
    }
  }

  private struct Fetched: Sendable {
    let batch: Batch
    let stored: PageReader.StoredFrames
    /// Of a derived page by its name, what it builds on in the pool.
    let bases: [FrameName: Locator]
  }

  mutating func run(_ root: Ref) throws(StoreError) {
    var batch = Batch()
    var before: Fetched?
    let start = staging.startRoot.map { [$0] } ?? []
    if !root.isHole {
      let comparison = comparison
      try comparison.forEachVolume(root, start) { volume, top, others throws(StoreError) in
        let node = try content.node(top)
        try comparison.forEachLeaf(top, others) { leaf, beside throws(StoreError) in
          try add(leaf, beside, of: volume, to: &batch)
          if batch.byteCount >= Self.batchByteCount { try turn(&batch, &before) }
        }
        batch.finished.append((volume, node))
        result.volumeCount += 1
        if batch.finished.count >= Self.finishedCountMax { try turn(&batch, &before) }
      }
    }
    if !batch.isEmpty { try turn(&batch, &before) }
    if let before { try store(before) }
    try removeOthers(root, start)
  }

  private static let finishedCountMax = 4096

  /// Removes the volumes of the start that the entry does not have.
  private func removeOthers(_ root: Ref, _ start: [Ref]) throws(StoreError) {
    let reverse = TreeComparison(new: staging, old: content)
    for old in start {
      try reverse.forEachVolume(old, [root]) { volume, _, there throws(StoreError) in
        if there.isEmpty { try staging.removeVolume(volume) }
      }
    }
  }

  // MARK: Planning

  private mutating func add(
    _ leaf: Ref, _ others: [Ref], of volume: VolumeNumber, to batch: inout Batch
  ) throws(StoreError) {
    if content.options.shouldStop() { throw .stopped }
    let node = try content.node(leaf)
    let index = node.header.firstKey >> Radix.bitCount
    if others.contains(where: { $0.hash == leaf.hash }) {
      return try staging.keepLeaf(volume, index: index)
    }
    var planned = Leaf(
      volume: volume, node: node, beside: try comparison.nodes(others, beside: node))
    for (slot, page) in node.effectiveRefs {
      if let known = planned.beside.lazy.map({ $0[slot] }).first(where: { $0.hash == page.hash })
        ?? placed.ref(of: page)
      {
        planned.known[slot] = known
        continue
      }
      batch.add(page)
      guard page.locator.form.isDerived else { continue }
      if let base = try localBase(of: page, slot, planned.beside) {
        batch.bases[page.locator.name] = base
      } else {
        // Its base is fetched too, and decoded.
        batch.byteCount += 2 * content.pageByteCount
      }
    }
    batch.leaves.append(planned)
    batch.byteCount += Node.byteCount
  }

  /// A full page of the store that the pool's page builds on as well.
  private func localBase(
    of page: Ref, _ slot: Int, _ beside: [Node]
  ) throws(StoreError) -> Ref? {
    let here = beside.map { $0[slot] }.filter { !$0.isHole }
    guard !here.isEmpty, let base = try content.base(of: page) else { return nil }
    for ref in here {
      do throws(StoreError) {
        let full = ref.locator.form.isDerived ? try staging.base(of: ref) : ref
        guard full.hash == base.hash else { continue }
        // It is decoded on: damage here is no reason to fail.
        _ = try staging.fullPage(full)
        return full
      } catch {
        guard error.kind == .corrupt else { throw error }
      }
    }
    return nil
  }

  // MARK: Moving

  /// Fetches a batch, and stores the one before meanwhile.
  private mutating func turn(
    _ batch: inout Batch, _ before: inout Fetched?
  ) throws(StoreError) {
    let (planned, pull) = (batch, self)
    batch = Batch()
    let fetched = Mutex<Fetched?>(nil)
    try ahead.add(1) { () throws(StoreError) in
      let got = try pull.fetch(planned)
      fetched.withLock { $0 = got }
    }
    let stored = Result { [before] () throws(StoreError) in
      if let before { try store(before) }
    }
    try ahead.finish()
    try stored.get()
    before = fetched.withLock { $0 }
  }

  private func fetch(_ batch: Batch) throws(StoreError) -> Fetched {
    var unique: [FrameName: Ref] = [:]
    for page in batch.pages { unique[page.locator.name] = page }
    var stored = try reader.fetch(unique.values.map(\.locator))
    let bases = try reader.bases(of: Array(unique.values), stored)
    var fetched = batch
    fetched.pages = Array(unique.values)
    var missing: Set<Locator> = []
    for (page, base) in bases where fetched.bases[page] == nil {
      if let here = placed.ref(of: base.name), !here.locator.form.isDerived {
        fetched.bases[page] = here
      } else if unique[base.name] == nil {
        missing.insert(base)
      }
    }
    stored.merge(try reader.fetch(missing))
    return Fetched(batch: fetched, stored: stored, bases: bases)
  }

  private mutating func store(_ fetched: Fetched) throws(StoreError) {
    var copies = PulledPages(fetched.stored, placed)
    for leaf in fetched.batch.leaves { copies.notePlaces(of: leaf.node, leaf.volume) }
    try copies.add(
      fetched.batch.pages, here: fetched.batch.bases, there: fetched.bases, reader, staging)
    let leaves = fetched.batch.leaves.map { leaf in
      var slots = [CopiedLeaf.Slot](repeating: .hole, count: Node.slotCount)
      for (slot, page) in leaf.node.effectiveRefs {
        slots[slot] = leaf.known[slot].map { .stored($0) } ?? copies.slot(page)
      }
      return CopiedLeaf(
        volume: leaf.volume, index: leaf.node.header.firstKey >> Radix.bitCount, slots: slots)
    }
    copies.note(try staging.putCopies(copies.frames, leaves))
    for (volume, top) in fetched.batch.finished {
      try staging.finishVolume(
        volume, byteCount: top.header.byteCount, modified: top.header.modified)
      guard try staging.contentID(of: volume) == top.header.id else {
        throw content.damaged(top.locator, "what was pulled is not what was pushed")
      }
    }
    result.pageCount += UInt64(fetched.batch.pages.count)
    result.byteCount += fetched.stored.byteCount
    content.options.report(
      TransferProgress(byteCount: result.byteCount, expectedByteCount: nil))
  }
}

/// What a pull brought.
package struct PullResult: Hashable, Sendable {
  /// Volumes that differ from what was there.
  package internal(set) var volumeCount = 0
  package internal(set) var pageCount: UInt64 = 0
  /// Of segments, as they were fetched for pages.
  package internal(set) var byteCount: UInt64 = 0
}

extension PoolContent {
  /// Fills an import with the state of an entry. What the state that it started from has is not
  /// fetched; every page that comes is held against its hash.
  ///
  /// - Parameter reserve: sees to it that no new volume of the store gets a number up to this one.
  ///
  /// Throws what reading does, `invalid` for a store of another family or page size, and what the
  /// import throws.
  package func pull(
    _ entry: PoolEntry, into staging: StagingImport,
    reserve: (VolumeNumber) throws(StoreError) -> Void
  ) throws(StoreError) -> PullResult {
    guard staging.pageByteCount == pageByteCount, staging.secret.bytes == secret.bytes else {
      throw StoreError(
        .invalid, "is of another family of stores, or has pages of another byte count",
        object: place, remedy: "make a store of the pool's family")
    }
    if let last = try lastVolume(of: entry.root) { try reserve(last) }
    var pull = try PoolPull(self, into: staging)
    try pull.run(entry.root)
    return pull.result
  }

  private func lastVolume(of root: Ref) throws(StoreError) -> VolumeNumber? {
    var ref = root
    while !ref.isHole {
      let node = try node(ref)
      guard let slot = (0..<Node.slotCount).last(where: { !node[$0].isHole }) else { return nil }
      if node.header.level == 0 { return VolumeNumber(node.header.firstKey + UInt64(slot)) }
      ref = node[slot]
    }
    return nil
  }
}
