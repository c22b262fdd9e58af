internal import CoppiceEngine
internal import CoppiceFormat
internal import CoppicePlatform

/// Reads the contents of two inputs and finds out what they would be stored as: the baseline's
/// first, so that whatever the branch has of it is found, then both side by side.
struct ContentEstimate {
  let inputs: (before: EstimateInput, after: EstimateInput)
  let estimate: SealEstimate
  let queue: TransferQueue
  let counter: TransferCounter
  /// Called once for each regular file, when all is known of it, with its first page.
  let observe: @Sendable (EstimatedFile, EstimatedFile.Outcome, _ head: [UInt8]) -> Void

  private static let leafByteCount = SealEstimate.leafByteCount
  private static let pageByteCount = 8192

  /// What the jobs of the queue are handed: the leaf of the old content, and that of the new one.
  static let bufferByteCount = 2 * leafByteCount

  // MARK: The baseline

  func sealBaseline(_ file: EstimatedFile) throws(StoreError) {
    guard let entry = file.before, let attributes = entry.attributes,
      let content = try inputs.before.open(entry)
    else { return }
    file.begin()
    try forEachLeaf(of: content, nil) { index throws(StoreError) in
      file.begin()
      try queue.submit { [self] buffer throws(StoreError) in
        let pages = try read(content, index, into: buffer)
        var counts = SealCounts()
        let ref = try estimate.sealBaseline(
          SealEstimate.Leaf(index, of: file.volume), pages, attributes, counts: &counts)
        file.withState { state in
          if !ref.isHole { state.leaves[index] = ref }
          state.outcome.baseline.add(counts)
        }
        try finishBaseline(file, attributes)
      }
    }
    try finishBaseline(file, attributes)
  }

  private func finishBaseline(
    _ file: EstimatedFile, _ attributes: VolumeAttributes
  ) throws(StoreError) {
    guard file.end() else { return }
    var counts = SealCounts()
    let top = try estimate.assembleBaseline(
      file.volume, file.withState { $0.leaves }, attributes, counts: &counts)
    file.withState { state in
      state.baselineTop = top
      state.outcome.baseline.add(counts)
    }
  }

  // MARK: The branch

  /// A file's two contents while they are compared.
  private struct Comparison: Sendable {
    var file: EstimatedFile
    var old: EstimateContent?
    var oldAttributes: VolumeAttributes?
    var new: EstimateContent
    var newAttributes: VolumeAttributes
  }

  func compare(_ file: EstimatedFile) throws(StoreError) {
    guard file.isRegular else { return }
    guard let entry = file.after, let attributes = entry.attributes else {
      return try noteRemoval(file)
    }
    guard let new = try inputs.after.open(entry) else { return }
    if let old = file.before, old.isSameFile(as: entry) {
      let head = try inputs.after.beginning(of: entry, byteCountMax: Self.pageByteCount)
      return observe(file, file.withState { $0.outcome }, head)
    }
    var old: EstimateContent?
    if let before = file.before { old = try inputs.before.open(before) }
    let comparison = Comparison(
      file: file, old: old, oldAttributes: file.before?.attributes, new: new,
      newAttributes: attributes)
    if old?.byteCount != new.byteCount { file.withState { $0.outcome.hasChanged = true } }
    file.begin()
    try forEachLeaf(of: new, old) { index throws(StoreError) in
      file.begin()
      try queue.submit { [self] buffer throws(StoreError) in
        try compare(comparison, index, buffer)
        try finish(comparison)
      }
    }
    try finish(comparison)
  }

  /// A file of which nothing is left that is stored.
  private func noteRemoval(_ file: EstimatedFile) throws(StoreError) {
    var head: [UInt8] = []
    if let before = file.before {
      head = try inputs.before.beginning(of: before, byteCountMax: Self.pageByteCount)
      if before.byteCount > 0 { file.withState { $0.outcome.hasChanged = true } }
    }
    observe(file, file.withState { $0.outcome }, head)
  }

  private func compare(
    _ comparison: Comparison, _ index: UInt64, _ buffer: UnsafeMutableRawBufferPointer
  ) throws(StoreError) {
    let file = comparison.file
    let halves = (
      UnsafeMutableRawBufferPointer(rebasing: buffer[..<Self.leafByteCount]),
      UnsafeMutableRawBufferPointer(rebasing: buffer[Self.leafByteCount...])
    )
    var old = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(halves.0)[..<0])
    if let content = comparison.old { old = try read(content, index, into: halves.0) }
    let new = try read(comparison.new, index, into: halves.1)
    if index == 0 {
      let head = Array(new.prefix(Self.pageByteCount))
      file.withState { $0.head = head }
    }
    let isEqual = old.count == new.count && old.hasEqualBytes(as: new)
    // The first leaf may be the top, which has the byte count too.
    if isEqual, index > 0 || comparison.old?.byteCount == comparison.new.byteCount {
      return file.withState { $0.newLeaves[index] = $0.leaves[index] }
    }
    var changed = ChangedBlocks()
    let byteCount = comparison.new.byteCount(ofLeaf: index)
    UnsafeMutableRawBufferPointer(rebasing: halves.0[old.count...])
      .initializeMemory(as: UInt8.self, repeating: 0)
    changed.compare(UnsafeRawBufferPointer(halves.0), new, byteCount: byteCount)
    var refs = (old: Ref.hole, new: Ref.hole)
    var counts = SealCounts()
    if byteCount > 0 {
      refs = try estimate.sealChange(
        SealEstimate.Leaf(index, of: file.volume),
        from: comparison.oldAttributes.map { (old, $0) }, to: (new, comparison.newAttributes),
        counts: &counts)
    }
    file.withState { state in
      if !refs.old.isHole { state.leaves[index] = refs.old }
      if !refs.new.isHole { state.newLeaves[index] = refs.new }
      state.outcome.branch.add(counts)
      state.outcome.changed.add(changed)
      state.outcome.hasChanged = true
    }
  }

  private func finish(_ comparison: Comparison) throws(StoreError) {
    let file = comparison.file
    guard file.end() else { return }
    let (hasChanged, old, new) = file.withState {
      ($0.outcome.hasChanged, $0.leaves, $0.newLeaves)
    }
    if hasChanged {
      var counts = SealCounts()
      let top = try estimate.assembleChange(
        file.volume, from: comparison.oldAttributes.map { (old, $0) },
        to: (new, comparison.newAttributes), counts: &counts)
      file.withState { state in
        state.newTop = top
        state.outcome.branch.add(counts)
      }
    }
    let (outcome, head) = file.withState { state in
      defer {
        state.leaves = [:]
        state.newLeaves = [:]
        state.head = []
      }
      return (state.outcome, state.head)
    }
    observe(file, outcome, head)
  }

  // MARK: Leaves

  /// The leaves in which one of the contents has data, and the first of the one with the fewest
  /// bytes, whose only leaf that may be.
  private func forEachLeaf(
    of content: EstimateContent, _ other: EstimateContent?,
    _ body: (UInt64) throws(StoreError) -> Void
  ) throws(StoreError) {
    let unit = UInt64(Self.leafByteCount)
    try body(0)
    var next = unit
    while true {
      let here = try content.nextData(from: next)
      let there = try other?.nextData(from: next)
      guard let start = [here, there].compactMap(\.self).min() else { return }
      try body(start / unit)
      next = (start / unit + 1) * unit
    }
  }

  /// Reads what a content has of a leaf, as whole pages.
  private func read(
    _ content: EstimateContent, _ index: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(StoreError) -> UnsafeRawBufferPointer {
    let count = content.byteCount(ofLeaf: index)
    let wholeCount = (count + Self.pageByteCount - 1) / Self.pageByteCount * Self.pageByteCount
    try content.read(
      into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]),
      at: index * UInt64(Self.leafByteCount))
    UnsafeMutableRawBufferPointer(rebasing: buffer[count..<wholeCount])
      .initializeMemory(as: UInt8.self, repeating: 0)
    try counter.add(UInt64(count))
    return UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<wholeCount])
  }
}

extension EstimateContent {
  /// How many bytes lie in the leaf of that index.
  fileprivate func byteCount(ofLeaf index: UInt64) -> Int {
    let start = index * UInt64(SealEstimate.leafByteCount)
    return Int(min(byteCount - min(byteCount, start), UInt64(SealEstimate.leafByteCount)))
  }
}
