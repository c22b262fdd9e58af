internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// Folds a frozen layer into the root below it: frames for changed pages, nodes above them, a new
/// root. Appends frames; publishes nothing.
struct LayerSeal {
  let context: SealContext
  let workers: WorkerPool
  let layer: Layer
  let root: RootView
  /// Top nodes that take the place of those in `root`, before the layer is laid over them.
  var newTops = IntegerMap<Ref>()

  /// Returns the new root. All appended frames are readable, none need be durable.
  func run(note: (Ref) -> NoteFrame?, counts: inout SealCounts) throws(StoreError) -> Ref {
    var plans: [VolumeSealPlan] = []
    var tops: [ChildChange] = []
    newTops.forEach { number, ref in
      if layer[VolumeNumber(number)] == nil { tops.append(ChildChange(key: number, ref: ref)) }
    }
    for number in layer.volumes.sortedKeys() {
      let volume = VolumeNumber(number)
      guard let part = layer[volume] else { continue }
      if part.adopted != nil { counts.adoptedCount += 1 }
      guard let attributes = part.attributes else {
        tops.append(ChildChange(key: number, ref: .hole))
        continue
      }
      let oldTop =
        if let newTop = newTops[number] { newTop } else { try root.topRef(volume) ?? .hole }
      plans.append(
        try VolumeSealPlan(
          volume: volume, layer: part, attributes: attributes,
          oldTop: oldTop, frames: context.frames))
    }
    let leaves = try Self.perform(plans.flatMap(\.jobs), context, workers, counts: &counts)
    var next = 0
    for plan in plans {
      let own = leaves[next..<next + plan.jobs.count]
      next += plan.jobs.count
      tops.append(
        ChildChange(
          key: plan.volume.rawValue,
          ref: try plan.assemble(own, context, counts: &counts)))
    }
    tops.sort { $0.key < $1.key }
    let newRoot = try TableSeal(context: context).assemble(
      root: root.root, tops: tops, counts: &counts)
    if let note = note(newRoot) { try Self.append(note, context) }
    try context.appender.flush()
    return newRoot
  }

  /// Runs jobs on all cores; results are in the order of the jobs. Throws the first failure.
  static func perform(
    _ jobs: [LeafJob], _ context: SealContext, _ workers: WorkerPool, counts: inout SealCounts
  ) throws(StoreError) -> [Ref] {
    struct Progress: Sendable {
      var refs: [Ref]
      var counts = SealCounts()
      var failure: StoreError?
    }
    let progress = Mutex(Progress(refs: [Ref](repeating: .hole, count: jobs.count)))
    nonisolated(unsafe) let jobs = jobs
    workers.perform(count: jobs.count) { index in
      if progress.withLock({ $0.failure != nil }) { return }
      var own = SealCounts()
      do throws(StoreError) {
        let ref = try jobs[index].run(context, counts: &own)
        progress.withLock {
          $0.refs[index] = ref
          $0.counts.add(own)
        }
      } catch {
        progress.withLock { $0.failure = $0.failure ?? error }
      }
    }
    let outcome = progress.withLock { $0 }
    if let failure = outcome.failure { throw failure }
    counts.add(outcome.counts)
    return outcome.refs
  }

  /// A note lets a store be put together again whose catalogue is lost.
  static func append(_ note: NoteFrame, _ context: SealContext) throws(StoreError) {
    _ = try note.encode().withBytes { stored throws(StoreError) in
      try context.appender.append(
        PendingFrame(
          stored: stored, form: FrameForm(.note, .raw), hashPrefix: 0, volume: .names,
          page: PageNumber(0), base: .none))
    }
  }
}
