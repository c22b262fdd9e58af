package import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// Finds out what contents would be stored as, without a store: seals them as imports and branches
/// do, by the same jobs, and lets go of what comes out. May be used from many threads.
///
/// First all leaves of the baseline, then those of the branch that differ, each with what it
/// replaces, then the names. Memory: the refs of full pages as far as a store's window would know
/// them, 64 MiB of stored bytes, the caches below, and the names.
package final class SealEstimate: Sendable {
  private static let pageByteCount = 8192
  /// As many as a store's window has places by default: a page more is forgotten as there.
  private static let knownPageCountMax = EngineOptions().windowByteCount / 8
  private static let heldByteCountMax = 64 << 20
  private static let cacheByteCount = 64 << 20

  private let disk: PassingDisk
  private let appenders: AppenderSet
  let buffers: PageBufferPool
  let frames: FrameReader
  private let workers: WorkerPool
  /// What the baseline stores, what the branch adds, and what stands for the baseline once more
  /// where the branch is compared with it.
  private let baseline: SealContext
  private let branch: SealContext
  private let again: SealContext

  /// - Parameters:
  ///   - pageCount: about how many pages there will be.
  ///   - threadCount: threads that seal names besides the caller.
  package init(pageCount: UInt64, threadCount: Int) throws(StoreError) {
    let disk = PassingDisk(heldByteCountMax: Self.heldByteCountMax)
    let segmentStore = SegmentStore(disk: disk)
    let caches = FrameCaches(
      pageByteCount: Self.pageByteCount, pageCacheByteCount: Self.cacheByteCount,
      nodeCacheByteCount: Self.cacheByteCount)
    let buffers = PageBufferPool(pageByteCount: Self.pageByteCount)
    let appenders = AppenderSet(
      segmentStore, uuid: StoreUUID(low: 1, high: 1), nextSegment: 1, lastLSN: { .zero },
      forget: { _ in })
    let secret = (0..<HashSecret.byteCount).map { _ in UInt8.random(in: .min ... .max) }
    let frames = FrameReader(
      pageByteCount: Self.pageByteCount, secret: HashSecret(bytes: secret), buffers: buffers,
      segmentStore: segmentStore, retired: RetiredFrames(segmentStore), caches: caches,
      appenders: appenders)
    let equals = KnownPages(
      countMax: Int(min(UInt64(Self.knownPageCountMax), max(1024, pageCount))))
    // Domains of their own have appenders of their own: what is in their segments is what each
    // stores.
    func context(_ domain: UInt32) throws(StoreError) -> SealContext {
      SealContext(
        frames: frames, appender: try appenders.appender(DomainID(domain), continuing: nil),
        equals: equals, youngFrom: SegmentID(1))
    }
    baseline = try context(1)
    branch = try context(2)
    again = try context(3)
    do throws(SystemError) { workers = try WorkerPool(threadCount: threadCount) } catch {
      throw StoreError(error, while: "starting a thread")
    }
    self.disk = disk
    self.appenders = appenders
    self.buffers = buffers
    self.frames = frames
  }

  /// Bytes of the pages below one leaf node: the unit of work.
  package static let leafByteCount = pageByteCount * Node.slotCount

  // MARK: Contents

  /// A leaf of 256 pages, or fewer: those from the leaf's first on. The rest of it are holes.
  package struct Leaf: Sendable {
    package var volume: VolumeNumber
    package var index: UInt64

    package init(_ index: UInt64, of volume: VolumeNumber) {
      self.volume = volume
      self.index = index
    }

    fileprivate func job(
      _ pages: UnsafeRawBufferPointer, old: Ref, _ attributes: VolumeAttributes
    ) -> LeafJob {
      let isTop = attributes.topLevel(pageByteCount: SealEstimate.pageByteCount) == 0
      return LeafJob(
        volume: volume, firstPage: index << Radix.bitCount, old: old, pages: .whole(pages),
        attributes: isTop ? attributes : nil)
    }
  }

  /// Stores a leaf of the baseline. `pages` are whole; `attributes` are its volume's.
  package func sealBaseline(
    _ leaf: Leaf, _ pages: UnsafeRawBufferPointer, _ attributes: VolumeAttributes,
    counts: inout SealCounts
  ) throws(StoreError) -> Ref {
    try leaf.job(pages, old: .hole, attributes).run(baseline, counts: &counts)
  }

  /// Stores what a leaf of the branch adds to that of the baseline. The baseline was stored before:
  /// its pages are found by hash, and are at hand for the differences.
  package func sealChange(
    _ leaf: Leaf, from old: (pages: UnsafeRawBufferPointer, attributes: VolumeAttributes)?,
    to new: (pages: UnsafeRawBufferPointer, attributes: VolumeAttributes),
    counts: inout SealCounts
  ) throws(StoreError) -> (old: Ref, new: Ref) {
    var oldRef = Ref.hole
    if let old {
      var ignored = SealCounts()
      oldRef = try leaf.job(old.pages, old: .hole, old.attributes).run(again, counts: &ignored)
      if !oldRef.isHole { try keepAtHand(old.pages, of: oldRef) }
    }
    let newRef = try leaf.job(new.pages, old: oldRef, new.attributes).run(branch, counts: &counts)
    return (oldRef, newRef)
  }

  private func keepAtHand(_ pages: UnsafeRawBufferPointer, of leaf: Ref) throws(StoreError) {
    let node = try frames.node(leaf)
    for slot in 0..<pages.count / Self.pageByteCount where !node[slot].isHole {
      let start = slot * Self.pageByteCount
      let buffer = buffers.acquire()
      buffer.mutableContents.copyMemory(
        from: UnsafeRawBufferPointer(rebasing: pages[start..<start + Self.pageByteCount]))
      frames.pages.insert(buffer, name: node[slot].locator.name, hash: node[slot].hash)
    }
  }

  /// Leaves of a volume by their indices; holes among them need not be there.
  package typealias Leaves = [UInt64: Ref]

  /// Stores what of the baseline's volume lies above its leaves. Returns its top.
  package func assembleBaseline(
    _ volume: VolumeNumber, _ leaves: Leaves, _ attributes: VolumeAttributes,
    counts: inout SealCounts
  ) throws(StoreError) -> Ref {
    try assemble(volume, leaves, attributes, oldTop: .hole, baseline, &counts)
  }

  /// Stores what the branch's volume has above its leaves; all of its leaves are given, those that
  /// did not change too.
  package func assembleChange(
    _ volume: VolumeNumber, from old: (leaves: Leaves, attributes: VolumeAttributes)?,
    to new: (leaves: Leaves, attributes: VolumeAttributes), counts: inout SealCounts
  ) throws(StoreError) -> Ref {
    var oldTop = Ref.hole
    if let old {
      var ignored = SealCounts()
      oldTop = try assemble(volume, old.leaves, old.attributes, oldTop: .hole, again, &ignored)
    }
    return try assemble(volume, new.leaves, new.attributes, oldTop: oldTop, branch, &counts)
  }

  private func assemble(
    _ volume: VolumeNumber, _ leaves: Leaves, _ attributes: VolumeAttributes, oldTop: Ref,
    _ context: SealContext, _ counts: inout SealCounts
  ) throws(StoreError) -> Ref {
    let changes = leaves.filter { !$0.value.isHole }.sorted { $0.key < $1.key }.map {
      ChildChange(key: $0.key << Radix.bitCount, ref: $0.value)
    }
    return try TreeAssembler.assemble(
      volume, leaves: changes, attributes, oldTop: oldTop, context, counts: &counts)
  }

  // MARK: Names

  /// Names of the baseline. Once they are begun there are no more contents to come.
  package func beginNames() -> EstimatedNames {
    disk.keepAll()
    return EstimatedNames(self, on: RootView(.hole, frames: frames), baseline)
  }

  /// Names of the branch, which begin as the baseline's.
  package func beginNames(on names: EstimatedNames) -> EstimatedNames {
    EstimatedNames(self, on: names.root, branch)
  }

  /// Folds names and the tops of volumes into the root below them. A hole removes a volume.
  func seal(
    _ layer: Layer, _ tops: [(volume: VolumeNumber, top: Ref)], on root: RootView,
    _ context: SealContext, counts: inout SealCounts
  ) throws(StoreError) -> RootView {
    var newTops = IntegerMap<Ref>()
    for (volume, top) in tops { newTops.insert(top, at: volume.rawValue) }
    let new = try LayerSeal(
      context: context, workers: workers, layer: layer, root: root, newTops: newTops
    ).run(note: { _ in nil }, counts: &counts)
    return RootView(new, frames: frames)
  }

  // MARK: Sums

  /// Bytes of the segments that the baseline's frames fill, and of those that the branch adds.
  package func segmentByteCounts() throws(StoreError) -> (baseline: UInt64, branch: UInt64) {
    func sum(_ context: SealContext) throws(StoreError) -> UInt64 {
      try context.appender.sync().reduce(0) { $0 + $1.byteCount }
    }
    return (try sum(baseline), try sum(branch))
  }
}
