internal import CoppiceFormat
internal import CoppicePlatform

/// The pages of one leaf that a seal or an import replaces.
enum LeafPages {
  /// From a layer: single pages and holes; other slots keep what the old leaf has.
  case layer(VolumeLayer, pages: ArraySlice<UInt64>)
  /// From an import: all pages of the leaf from its first on; slots behind them become holes.
  case whole(UnsafeRawBufferPointer)
}

/// The unit of work of sealing and importing: up to 256 pages become frames and one leaf node.
/// Independent of other jobs, so that all cores take part.
struct LeafJob {
  let volume: VolumeNumber
  /// The number of the leaf's first page.
  let firstPage: UInt64
  /// The leaf's ref before; a hole if none.
  let old: Ref
  let pages: LeafPages
  /// Set when the leaf is the volume's top node.
  let attributes: VolumeAttributes?

  /// Returns the leaf's new ref, a hole when nothing is left.
  func run(_ context: SealContext, counts: inout SealCounts) throws(StoreError) -> Ref {
    let refs = Node.allocateRefs()
    defer { refs.deallocate() }
    try sealPages(context, into: refs, counts: &counts)
    return try sealNode(context, refs, attributes: attributes, counts: &counts)
  }

  /// Stores the pages and fills `refs`, 256 holes, with what the leaf's node will hold.
  func sealPages(
    _ context: SealContext, into refs: UnsafeMutablePointer<Ref>, counts: inout SealCounts
  ) throws(StoreError) {
    let oldNode = old.isHole ? nil : try context.frames.node(old)
    if let oldNode { refs.update(from: oldNode.refs, count: Node.slotCount) }
    try context.frames.codecs.withSet { set throws(StoreError) in
      try sealPages(context, set, refs, &counts)
    }
  }

  /// Stores the node.
  func sealNode(
    _ context: SealContext, _ refs: UnsafeMutablePointer<Ref>, attributes: VolumeAttributes?,
    counts: inout SealCounts
  ) throws(StoreError) -> Ref {
    let content = NodeSealer.Content(
      kind: .volumeNode, level: 0, firstKey: firstPage, attributes: attributes, volume: volume)
    return try NodeSealer(context: context).seal(
      content, refs: refs, old: old, counts: &counts)
  }

  private struct Pending {
    var slot: Int
    var hash: PageHash
    var form: FrameForm
    var output: Range<Int>
    var base: FrameName
  }

  private func sealPages(
    _ context: SealContext, _ set: CodecSet, _ refs: UnsafeMutablePointer<Ref>,
    _ counts: inout SealCounts
  ) throws(StoreError) {
    let output = set.output
    output.removeAll()
    var sealer = PageSealer(context: context, set: set, output: output)
    var pending: [Pending] = []
    let secret = context.frames.secret
    func take(_ bytes: UnsafeRawBufferPointer, at slot: Int) throws(StoreError) {
      if PageSealer.isZero(bytes) {
        refs[slot] = .hole
        counts.holeCount += 1
        return
      }
      let hash = secret.pageHash(bytes)
      switch try sealer.seal(bytes, hash: hash, old: refs[slot]) {
      case .known(let ref): refs[slot] = ref
      case .pending(let form, let range, let base):
        pending.append(Pending(slot: slot, hash: hash, form: form, output: range, base: base))
      }
    }
    switch pages {
    case .layer(let layer, let numbers):
      clearHoles(layer, refs)
      for number in numbers {
        let slot = Int(number - firstPage)
        switch layer.pages[number] {
        case .bytes(let buffer): try take(buffer.contents, at: slot)
        case .shared(let ref):
          refs[slot] = ref
          counts.take(ref, pageByteCount: context.pageByteCount)
        // Every branch with the layer has something above: what is below stays what it is.
        case .unreadable: break
        case nil: preconditionFailure("a sealed page that its layer does not have")
        }
      }
    case .whole(let bytes):
      let count = bytes.count / context.pageByteCount
      for slot in 0..<count {
        let start = slot * context.pageByteCount
        try take(
          UnsafeRawBufferPointer(rebasing: bytes[start..<start + context.pageByteCount]),
          at: slot)
      }
      for slot in count..<Node.slotCount { refs[slot] = .hole }
    }
    counts.add(sealer.counts)
    try append(pending, output, context, refs)
  }

  private func clearHoles(_ layer: VolumeLayer, _ refs: UnsafeMutablePointer<Ref>) {
    if layer.holes.isEmpty { return }
    for slot in 0..<Node.slotCount where layer.holes.contains(firstPage + UInt64(slot)) {
      refs[slot] = .hole
    }
  }

  /// Names all pending pages at once and puts their refs into their slots.
  private func append(
    _ pending: [Pending], _ output: AlignedBuffer, _ context: SealContext,
    _ refs: UnsafeMutablePointer<Ref>
  ) throws(StoreError) {
    guard !pending.isEmpty else { return }
    let frames = pending.map { page in
      PendingFrame(
        stored: UnsafeRawBufferPointer(rebasing: output.contents[page.output]),
        form: page.form, hashPrefix: page.hash.low, volume: volume,
        page: PageNumber(firstPage + UInt64(page.slot)), base: page.base)
    }
    var locators = [Locator](repeating: .hole, count: frames.count)
    let outcome = frames.withUnsafeBufferPointer { source in
      locators.withUnsafeMutableBufferPointer { target in
        Result { () throws(StoreError) in
          try context.appender.append(source, locators: target)
        }
      }
    }
    try outcome.get()
    for (page, locator) in zip(pending, locators) {
      refs[page.slot] = Ref(hash: page.hash, locator: locator)
      if !page.form.isDerived { context.equals.note(refs[page.slot]) }
    }
  }
}

extension SealCounts {
  /// Counts a page of another volume: one that builds on another keeps that too.
  fileprivate mutating func take(_ ref: Ref, pageByteCount: Int) {
    if ref.isHole { return }
    takenByteCount +=
      ref.locator.storedByteCount + (ref.locator.form.isDerived ? pageByteCount : 0)
  }
}
