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
package final class StagingImport: VolumeSpace, PageSource, StagedRoots, Sendable {
  private static let foldByteCount = 64 << 20
  static let foldVolumeCount = 1 << 16

  package let domain: DomainID
  private let imports: Imports
  var core: StoreCore { imports.core }
  var sealer: Sealer { imports.sealer }
  var branches: Branches { imports.branches }
  let context: SealContext
  private let epoch: Int
  /// The branch that is to be replaced, and the root it must still have then.
  let target: EngineBranch?
  let start: RootView
  /// Held over a fold, and over a commit, which must not see half of one.
  let folding = Monitor()
  let state: Mutex<State>

  struct State: Sendable {
    var root: RootView
    var layer: Layer
    /// Top nodes of finished volumes that are not in `root` yet.
    var finished = IntegerMap<Ref>()
    var filling = IntegerMap<FillingVolume>()
    /// Volumes of the layer that finished ones have replaced: a fold may be reading it.
    var hidden: Set<VolumeNumber> = []
    var counts = SealCounts()
    var isEnded = false
    /// The branch that the import is about to become.
    var claimed: BranchID?

    /// What is below small writes and finished volumes.
    var sealed: SealedState { SealedState(root: root, frozen: .empty) }

    /// What small writes say about a volume.
    func part(of volume: VolumeNumber) -> VolumeLayer? {
      hidden.contains(volume) ? nil : layer[volume]
    }
  }

  /// A volume whose leaves are coming in.
  struct FillingVolume: Sendable {
    var leaves = IntegerMap<Ref>()
    /// The first leaf's refs: only the end tells whether it is the top node.
    var firstLeaf: [Ref]?
  }

  static func begin(
    _ imports: Imports, domain: DomainID, replacing target: EngineBranch?
  ) throws(StoreError) -> StagingImport {
    let context = try imports.sealer.sealContext(domain)
    // A collection takes its roots under this lock: it sees the target's root or the import.
    return try imports.core.keeper.read { kept throws(StoreError) in
      if let target, kept.branches[target.id] !== target {
        throw StoreError(.notFound, "the branch was deleted for good")
      }
      let staging = StagingImport(imports, domain, target, context)
      imports.core.stagings.insert(staging)
      return staging
    }
  }

  private init(
    _ imports: Imports, _ domain: DomainID, _ target: EngineBranch?, _ context: SealContext
  ) {
    self.imports = imports
    self.domain = domain
    self.target = target
    self.context = context
    epoch = context.appender.epoch
    start =
      target?.state.withLock { $0.sealed.root } ?? RootView(.hole, frames: imports.core.frames)
    state = Mutex(
      State(root: start, layer: Layer(writer: BranchID(0), from: .zero, meter: imports.core.meter)))
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

  /// A branch of which there is a note but no record yet: collections keep its note.
  var claimedBranch: BranchID? { state.withLock { $0.claimed } }
  func claim(_ id: BranchID) { state.withLock { $0.claimed = id } }

  package var pageByteCount: Int { core.pageByteCount }

  /// What the import stored so far, by how it was stored.
  package var counts: SealCounts { state.withLock { $0.counts } }

  func checkUsable() throws(StoreError) {
    try core.gate.checkOpen()
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
    let (written, finished, sealed) = state.withLock {
      state -> (VolumeAttributes??, Ref?, SealedState) in
      (
        state.part(of: volume).map(\.attributes), state.finished[volume.rawValue], state.sealed
      )
    }
    if written == nil, let finished {
      return finished.isHole ? nil : try core.frames.node(finished).attributes
    }
    return try sealed.attributes(of: volume, above: written)
  }

  func checkDomain(of ref: Ref) throws(StoreError) {
    try core.checkDomain(of: ref, is: domain)
  }

  func page(_ answer: VolumeLayer.Answer, _ volume: VolumeNumber, _ page: PageNumber)
    throws(StoreError) -> PageBuffer?
  {
    let (written, finished, sealed) = state.withLock { state in
      (
        state.part(of: volume)?.lookup(page) ?? .below,
        state.finished[volume.rawValue].map(VolumeLayer.Answer.adopted) ?? .below, state.sealed
      )
    }
    let own = written.isBelow ? finished : written
    return try sealed.page(answer.isBelow ? own : answer, volume, page, core.frames)
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
    try core.room.admitSeal()
    let records = copy transaction
    try folding.withLock { () throws(StoreError) in
      dropHidden()
      var builder = ChangeBuilder(on: self, buffers: core.buffers, time: records.time)
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
}
