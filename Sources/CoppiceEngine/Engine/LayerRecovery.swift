internal import CoppiceFormat
internal import CoppicePlatform

/// Makes the layers of all branches again from the journal's write records.
///
/// The final catalogue says which intervals each branch still needs. A writer's intervals are cut
/// at every boundary that any branch names, so that branches which share a part share the layer.
/// Then one pass over the records in LSN order fills them: whatever lies below a record in its
/// layer's stack has a smaller LSN and is complete by then. A page that was written in part and
/// whose old content cannot be read does not stop that: it is marked in its layer, which then stays
/// in RAM and in the journal until every branch that has it has something else above. A volume of
/// which not even the byte count can be read is left out of its layers, and nobody reads it; those
/// layers stay too.
struct LayerRecovery {
  let catalogue: CatalogueState
  let frames: FrameReader
  let buffers: PageBufferPool
  let meter: OverlayMeter

  private struct Key: Hashable {
    var writer: BranchID
    var from: LSN
  }

  /// A branch's state before it is filled.
  private struct Stack {
    var layers: [Layer]
    var root: Ref
  }

  /// The states of all branches.
  func run(_ journal: RecoveredJournal) throws(StoreError) -> [BranchID: BranchState] {
    let cuts = boundaries()
    var layers: [Key: Layer] = [:]
    var stacks: [BranchID: Stack] = [:]
    var roots: [Ref: RootView] = [:]
    for (id, entry) in catalogue.branches {
      var stack: [Layer] = []
      for interval in entry.intervals {
        for piece in Self.cut(interval, at: cuts[interval.writer] ?? []) {
          let key = Key(writer: piece.writer, from: piece.from)
          let layer =
            layers[key]
            ?? Layer(writer: piece.writer, from: piece.from, through: piece.through, meter: meter)
          layers[key] = layer
          stack.append(layer)
        }
      }
      stacks[id] = Stack(layers: stack, root: entry.root)
      if roots[entry.root] == nil { roots[entry.root] = RootView(entry.root, frames: frames) }
    }
    try fill(layers, stacks, roots, journal)
    return stacks.compactMapValues { stack in
      guard let open = stack.layers.last, let root = roots[stack.root] else { return nil }
      return BranchState(
        sealed: SealedState(
          root: root, frozen: LayerStack.of(stack.layers.dropLast().filter { !$0.isEmpty })),
        open: open)
    }
  }

  private func boundaries() -> [BranchID: Set<LSN>] {
    var cuts: [BranchID: Set<LSN>] = [:]
    for entry in catalogue.branches.values {
      for interval in entry.intervals {
        cuts[interval.writer, default: []].formUnion([interval.from, interval.through])
      }
    }
    return cuts
  }

  private static func cut(_ interval: Interval, at cuts: Set<LSN>) -> [Interval] {
    let inner = cuts.filter { $0 > interval.from && $0 < interval.through }.sorted()
    let starts = [interval.from] + inner
    let ends = inner + [interval.through]
    return zip(starts, ends).map { Interval(writer: interval.writer, from: $0, through: $1) }
  }

  private func fill(
    _ layers: [Key: Layer], _ stacks: [BranchID: Stack], _ roots: [Ref: RootView],
    _ journal: RecoveredJournal
  ) throws(StoreError) {
    var byWriter: [BranchID: [Layer]] = [:]
    for layer in layers.values { byWriter[layer.writer, default: []].append(layer) }
    for writer in byWriter.keys { byWriter[writer]?.sort { $0.from < $1.from } }
    var below: [ObjectIdentifier: StackBelow] = [:]
    for stack in stacks.values {
      guard let root = roots[stack.root] else { continue }
      for (index, layer) in stack.layers.enumerated() {
        below[ObjectIdentifier(layer)] = StackBelow(
          layers: Array(stack.layers[...index]), root: root, frames: frames)
      }
    }
    let start = layers.values.map(\.from).min() ?? journal.endLSN
    var transaction: OpenTransaction?
    try journal.forEachWrite(above: start) { lsn, header, payload throws(StoreError) in
      guard
        let layer = byWriter[header.branch]?.first(where: { $0.from < lsn && lsn <= $0.through }),
        let source = below[ObjectIdentifier(layer)]
      else { return }
      var builder =
        transaction?.builder
        ?? ChangeBuilder(
          on: source, buffers: buffers, time: header.time, marksUnreadable: true)
      builder.time = header.time
      try builder.apply(
        OpReader(payload, opCount: Int(header.opCount)), object: "journal record \(lsn.rawValue)")
      if header.flags.contains(.continues) {
        transaction = OpenTransaction(builder: builder)
      } else {
        transaction = nil
        layer.merge(builder.change, lsn: lsn, pageByteCount: buffers.pageByteCount)
        if builder.hasUnreadable { layer.noteUnreadable() }
        layer.noteLost(builder.lostVolumes)
        for (volume, error) in builder.lostVolumes { source.root.block(volume, error) }
      }
    }
  }

  private struct OpenTransaction {
    var builder: ChangeBuilder<StackBelow>
  }
}

/// A layer and what lies below it, as the records that fill it see it.
private struct StackBelow: PageSource {
  let layers: [Layer]
  let root: RootView
  let frames: FrameReader

  /// Whatever the journal holds was checked when it was written.
  func checkDomain(of ref: Ref) throws(StoreError) {}

  func attributes(of volume: VolumeNumber) throws(StoreError) -> VolumeAttributes? {
    try sealed.attributes(of: volume, above: layers.attributes(of: volume))
  }

  func page(_ answer: VolumeLayer.Answer, _ volume: VolumeNumber, _ page: PageNumber)
    throws(StoreError) -> PageBuffer?
  {
    let found = answer.isBelow ? layers.lookup(volume, page) : answer
    return try sealed.page(found, volume, page, frames)
  }

  /// Below all layers, which change while they are filled: no stack keeps unions of them.
  private var sealed: SealedState { SealedState(root: root, frozen: .empty) }
}
