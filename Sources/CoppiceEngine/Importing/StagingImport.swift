package import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// A state in preparation: an import fills it beside all branches, and one last record makes it
/// the content of a branch. Until then it lives in RAM and in unpublished frames; a crash leaves
/// garbage, which opening drops.
///
/// Volumes come in whole leaves, from many threads at once: pages are hashed, compressed and
/// appended by the calling thread. Names and other small writes go through `commit` into a layer
/// of the import's own, which is folded in from time to time.
///
/// A volume is either filled with `putLeaf` and `finishVolume`, or written with `commit`.
package final class StagingImport: VolumeSpace, PageSource, Sendable {
  private static let foldByteCount = 64 << 20
  private static let foldVolumeCount = 1 << 16

  package let domain: DomainID
  private unowned let engine: Engine
  private let context: SealContext
  private let epoch: Int
  /// The branch that is to be replaced, and the root it must still have then.
  private let target: EngineBranch?
  private let start: RootView
  /// Held over a fold, and over a commit, which must not see half of one.
  private let folding = Monitor()
  private let state: Mutex<State>

  private struct State: Sendable {
    var root: RootView
    var layer: Layer
    /// Top nodes of finished volumes that are not in `root` yet.
    var finished = IntegerMap<Ref>()
    var filling = IntegerMap<FillingVolume>()
    /// Volumes of the layer that finished ones have replaced: a fold may be reading it.
    var hidden: Set<VolumeNumber> = []
    var counts = SealCounts()
    var isEnded = false

    /// What small writes say about a volume.
    func part(of volume: VolumeNumber) -> VolumeLayer? {
      hidden.contains(volume) ? nil : layer[volume]
    }
  }

  /// A volume whose leaves are coming in.
  private struct FillingVolume: Sendable {
    var leaves = IntegerMap<Ref>()
    /// The first leaf's refs: only the end tells whether it is the top node.
    var firstLeaf: [Ref]?
  }

  init(_ engine: Engine, domain: DomainID, replacing target: EngineBranch?) throws(StoreError) {
    self.engine = engine
    self.domain = domain
    self.target = target
    context = try engine.sealContext(domain)
    epoch = context.appender.epoch
    // A collection takes its roots under this lock: it sees the target's root or the import.
    engine.control.lock()
    defer { engine.control.unlock() }
    if let target, engine.branches[target.id] !== target {
      throw StoreError(.notFound, "the branch was deleted for good")
    }
    start =
      if let target {
        target.state.withLock { $0.sealed.root }
      } else {
        RootView(.hole, frames: engine.frames)
      }
    state = Mutex(
      State(root: start, layer: Layer(writer: BranchID(0), from: .zero, meter: engine.meter)))
    engine.stagings.insert(self)
  }

  /// Every frame that the import refers to, for the garbage collector.
  var storedRefs: [Ref] {
    state.withLock { state in
      var refs = [start.root, state.root.root] + state.layer.storedRefs
      state.finished.forEach { refs.append($1) }
      state.filling.forEach { _, filling in
        refs += filling.firstLeaf ?? []
        filling.leaves.forEach { refs.append($1) }
      }
      return refs
    }
  }

  package var pageByteCount: Int { engine.pageByteCount }

  /// What the import stored so far, by how it was stored.
  package var counts: SealCounts { state.withLock { $0.counts } }

  private func checkUsable() throws(StoreError) {
    try engine.checkOpen()
    if state.withLock({ $0.isEnded }) {
      throw StoreError(.invalid, "the import has ended already")
    }
    guard context.appender.epoch == epoch else {
      throw StoreError(
        .unavailable, "a segment that the import had written to was lost",
        remedy: "start the import again")
    }
  }

  // MARK: Small writes

  package func attributes(of volume: VolumeNumber) throws(StoreError) -> VolumeAttributes? {
    let (part, finished, root) = state.withLock { state in
      (
        state.part(of: volume).map { Part(attributes: $0.attributes) },
        state.finished[volume.rawValue], state.root
      )
    }
    if let part { return part.attributes }
    if let finished { return try engine.frames.node(finished).attributes }
    return try root.attributes(of: volume)
  }

  private struct Part { var attributes: VolumeAttributes? }

  func checkDomain(of ref: Ref) throws(StoreError) {
    try engine.checkDomain(of: ref, is: domain)
  }

  func page(_ answer: VolumeLayer.Answer, _ volume: VolumeNumber, _ page: PageNumber)
    throws(StoreError) -> PageBuffer?
  {
    let (own, finished, root) = state.withLock { state in
      (
        state.part(of: volume)?.lookup(page) ?? .below, state.finished[volume.rawValue], state.root
      )
    }
    var resolved = answer
    if case .below = resolved { resolved = own }
    if case .below = resolved, let finished { resolved = .adopted(finished) }
    return try SealedState(root: root, frozen: .empty).page(
      resolved, volume, page, engine.frames)
  }

  package func read(
    _ volume: VolumeNumber, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(StoreError) -> Int {
    guard let end = try attributes(of: volume)?.byteCount else { return 0 }
    return try PageCopier(pageByteCount: pageByteCount).read(at: offset, end: end, into: buffer) {
      number throws(StoreError) in try page(.below, volume, number)
    }
  }

  package func commit(_ transaction: borrowing Transaction) throws(StoreError) -> LSN {
    try checkUsable()
    let records = copy transaction
    try folding.withLock { () throws(StoreError) in
      dropHidden()
      var builder = ChangeBuilder(on: self, buffers: engine.buffers, time: records.time)
      try builder.apply(records)
      nonisolated(unsafe) let change = builder.change
      let byteCount = state.withLock { state in
        state.layer.merge(change, lsn: .zero, pageByteCount: pageByteCount)
        return state.layer.byteCount
      }
      if byteCount >= Self.foldByteCount { try fold() }
    }
    return .zero
  }

  /// An import is durable when it is published, not before.
  package func flush(through lsn: LSN) throws(StoreError) {}

  // MARK: Whole volumes

  /// Stores the pages of one leaf: the volume's bytes from `leafIndex` × 256 pages on, at most 256
  /// pages, the last perhaps in part. Pages that the replaced branch has there cost nothing.
  package func putLeaf(
    _ volume: VolumeNumber, leafIndex: UInt64, pages: UnsafeRawBufferPointer
  ) throws(StoreError) {
    try checkUsable()
    precondition(pages.count <= Node.slotCount * pageByteCount, "more than a leaf of pages")
    try engine.latch.withShared { () throws(StoreError) in
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
      old: try VolumeSealPlan.oldLeaf(try start.top(volume), firstPage, engine.frames),
      pages: .whole(pages), attributes: nil)
    let refs = Node.allocateRefs()
    defer { refs.deallocate() }
    var counts = SealCounts()
    try job.sealPages(context, into: refs, counts: &counts)
    if leafIndex == 0 {
      let kept = Array(UnsafeBufferPointer(start: refs, count: Node.slotCount))
      update(volume, counts) { $0.firstLeaf = kept }
    } else {
      let leaf = try job.sealNode(context, refs, attributes: nil, counts: &counts)
      update(volume, counts) { $0.leaves.insert(leaf, at: firstPage) }
    }
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
    try engine.latch.withShared { () throws(StoreError) in
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
    let pageCount = (attributes.byteCount + UInt64(pageByteCount) - 1) / UInt64(pageByteCount)
    let level = Radix.level(forKeyCount: max(1, pageCount))
    let oldTop = try start.topRef(volume) ?? .hole
    let nodes = NodeSealer(context: context)
    var changes: [TreeChange] = []
    if let firstLeaf = filling.firstLeaf ?? (level == 0 ? [] : nil) {
      let refs = Node.allocateRefs()
      defer { refs.deallocate() }
      for (slot, ref) in firstLeaf.enumerated() { refs[slot] = ref }
      let content = NodeSealer.Content(
        kind: .volumeNode, level: 0, firstKey: 0, attributes: level == 0 ? attributes : nil,
        volume: volume)
      let old = try VolumeSealPlan.oldLeaf(try start.top(volume), 0, engine.frames)
      let leaf = try nodes.seal(content, refs: refs, old: old, counts: &counts)
      if level == 0 { return leaf }
      changes.append(TreeChange(key: 0, ref: leaf))
    }
    for key in filling.leaves.sortedKeys() {
      if let ref = filling.leaves[key] { changes.append(TreeChange(key: key, ref: ref)) }
    }
    var holes = IntervalSet()
    var next: UInt64 = 0
    for change in changes {
      holes.insert(next..<change.key)
      next = change.key + UInt64(Node.slotCount)
    }
    holes.insert(next..<max(next, Radix.coverage(level: level)))
    return try TreeAssembler(
      nodes: nodes, kind: .volumeNode, volume: volume, changeLevel: 0, attributes: attributes,
      holes: holes
    ).assemble(topLevel: level, oldTop: oldTop, changes: changes, counts: &counts)
  }

  /// The id of a volume's top node: where it is equal, bytes, byte counts and times are. `nil` for a
  /// volume that does not exist, and for one that small writes changed.
  package func contentID(of volume: VolumeNumber) throws(StoreError) -> PageHash? {
    let (isWritten, finished, root) = state.withLock { state in
      (state.part(of: volume) != nil, state.finished[volume.rawValue], state.root)
    }
    if isWritten { return nil }
    if let finished { return finished.hash }
    guard let top = try root.topRef(volume), !top.isHole else { return nil }
    return top.hash
  }

  /// A finished volume, to be adopted by a branch of the same domain.
  package func finishedVolume(_ volume: VolumeNumber) throws(StoreError)
    -> (top: Ref, attributes: VolumeAttributes)?
  {
    guard let top = state.withLock({ $0.finished[volume.rawValue] }) else { return nil }
    try context.appender.flush()
    return (top, try engine.frames.node(top).attributes)
  }

  /// Takes out of the layer what finished volumes have replaced. The caller holds `folding`.
  private func dropHidden() {
    state.withLock { state in
      for volume in state.hidden { state.layer.forget(volume) }
      state.hidden = []
    }
  }

  /// Puts the layer and the finished volumes into the root. The caller holds `folding`.
  private func fold() throws(StoreError) {
    dropHidden()
    try engine.latch.withShared { () throws(StoreError) in try foldHoldingLatch() }
  }

  private func foldHoldingLatch() throws(StoreError) {
    let (layer, root, finished) = state.withLock { ($0.layer, $0.root, $0.finished) }
    guard !layer.isEmpty || !finished.isEmpty else { return }
    var counts = SealCounts()
    let newRoot = try LayerSeal(
      context: context, workers: engine.workers, layer: layer, root: root, newTops: finished
    ).run(note: { _ in nil }, counts: &counts)
    let view = RootView(newRoot, frames: engine.frames)
    state.withLock { state in
      state.root = view
      state.layer = Layer(writer: BranchID(0), from: .zero, meter: engine.meter)
      state.hidden = []
      for volume in finished.sortedKeys() where state.finished[volume] == finished[volume] {
        state.finished.remove(volume)
      }
      state.counts.add(counts)
    }
  }

  // MARK: Ending

  /// Gives the import up. What it stored is garbage.
  package func cancel() {
    state.withLock { $0.isEnded = true }
    engine.stagings.remove(self)
  }

  /// Makes the state a new branch. Durable on return.
  package func publish(creating name: String) throws(StoreError) -> EngineBranch {
    let (root, ends) = try end()
    let (branch, lsn) = try engine.control.withLock { () throws(StoreError) in
      try engine.create(name, domain, root: root, ends: ends)
    }
    engine.stagings.remove(self)
    try engine.journal.flush(through: lsn)
    engine.appenders.markPublished(ends)
    engine.noteSealed(counts, by: branch.id)
    return branch
  }

  /// Makes the state the content of the branch that the import began with. Throws `conflict`, and
  /// changes nothing, when the branch was written to or reset since. Durable on return.
  package func publishReplacing() throws(StoreError) {
    guard let target else {
      throw StoreError(.invalid, "the import did not begin with a branch")
    }
    let (root, ends) = try end()
    let lsn = try target.writer.withLockFirst { () throws(StoreError) in
      try engine.control.withLock { () throws(StoreError) in
        let isUnchanged = target.state.withLock {
          $0.sealed.root.root == start.root && $0.sealed.frozen.isEmpty && $0.open.isEmpty
        }
        guard isUnchanged, !target.isDeleted else {
          throw StoreError(
            .conflict, "the branch changed while the import ran; it was left as it is",
            object: engine.catalogue.branches[target.id]?.name ?? "",
            remedy: "import again while nobody writes to it")
        }
        let lsn = try engine.record(.replace(root: root, ends: ends), branch: target.id)
        target.replace(
          SealedState(root: RootView(root, frames: engine.frames), frozen: .empty), from: lsn)
        return lsn
      }
    }
    engine.stagings.remove(self)
    try engine.journal.flush(through: lsn)
    engine.appenders.markPublished(ends)
    engine.noteSealed(counts, by: target.id)
  }

  private func end() throws(StoreError) -> (root: Ref, ends: [SegmentEnd]) {
    try checkUsable()
    try folding.withLock { () throws(StoreError) in try fold() }
    let ends = try engine.appenders.sync()
    try checkUsable()
    let root = state.withLock { state in
      state.isEnded = true
      return state.root.root
    }
    return (root, ends)
  }
}

extension Engine {
  /// Begins an import that makes a new branch.
  package func beginImport(domain: DomainID) throws(StoreError) -> StagingImport {
    try checkWritable()
    return try StagingImport(self, domain: domain, replacing: nil)
  }

  /// Begins an import that starts from a branch's state and replaces it. The branch is sealed
  /// first.
  package func beginImport(replacing branch: EngineBranch) throws(StoreError) -> StagingImport {
    try seal(branch)
    return try StagingImport(self, domain: branch.domain, replacing: branch)
  }

  /// Makes everything that imports appended durable and known, so that a transaction may adopt it.
  package func publishAppended() throws(StoreError) {
    let ends = try appenders.sync()
    guard !ends.isEmpty else { return }
    let lsn = try control.withLock { () throws(StoreError) in
      try record(
        .publish(oldRoot: .hole, intervals: [], newRoot: .hole, ends: ends), branch: BranchID(0))
    }
    try journal.flush(through: lsn)
    appenders.markPublished(ends)
  }
}
