package import CoppiceEngine
internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// What a branch would store: the difference of two directories, sealed as the engine would,
/// without a store. Nothing is written anywhere.
package struct BranchEstimate: Sendable {
  /// What names and the table of files take, of the baseline and of the branch.
  package var baselineNames = SealCounts()
  package var branchNames = SealCounts()
  /// All that the baseline stores, and all that the branch adds: files of segments, with the
  /// directories of what is in them.
  package var baselineByteCount: UInt64 = 0
  package var branchByteCount: UInt64 = 0

  /// Estimates what `after` adds to `before`. Reads both, `before` twice; memory: some 300 MiB, and
  /// some 600 bytes for each path.
  ///
  /// Throws `conflict` when an input changes meanwhile, in whatever way: then no number is right.
  /// What the caller reads of the inputs besides, it reads before `verify`.
  ///
  /// - Parameter observe: called from any thread, once for each path of a regular file, when all is
  ///   known of it, with the first page of the newer content.
  package init(
    before: EstimateInput, after: EstimateInput,
    progress: (@Sendable (TransferProgress) -> Void)? = nil,
    observe: @escaping @Sendable (EstimatedFile, EstimatedFile.Outcome, _ head: [UInt8]) -> Void
  ) throws(StoreError) {
    let byteCounts = (
      before.entries.reduce(0) { $0 + $1.byteCount }, after.entries.reduce(0) { $0 + $1.byteCount }
    )
    let threadCount = SystemThread.coreCount
    let estimate = try SealEstimate(
      pageCount: (byteCounts.0 + byteCounts.1) / 8192, threadCount: threadCount - 1)
    let queue = try TransferQueue(
      threadCount: threadCount, waitingCountMax: 4 * threadCount,
      bufferByteCount: ContentEstimate.bufferByteCount)
    let contents = ContentEstimate(
      inputs: (before, after), estimate: estimate, queue: queue,
      counter: TransferCounter(
        expected: 2 * byteCounts.0 + byteCounts.1, tell: progress, isCancelled: nil),
      observe: observe)
    let files = EstimatedFile.pairs(before, after)
    do throws(StoreError) {
      for file in files { try contents.sealBaseline(file) }
      try queue.finish()
      for file in files { try contents.compare(file) }
      try queue.finish()
    } catch {
      throw queue.cancel(because: error)
    }
    try estimateNames(files, estimate)
    let sums = try estimate.segmentByteCounts()
    baselineByteCount = sums.baseline
    branchByteCount = sums.branch
  }

  private mutating func estimateNames(
    _ files: [EstimatedFile], _ estimate: SealEstimate
  ) throws(StoreError) {
    let time = Timestamp(nanoseconds: SystemClock().wallNanoseconds())
    var names = NamesEstimate(files, time: time)
    let baseline = estimate.beginNames()
    try names.make(in: baseline)
    let tops = files.map { ($0.volume, $0.withState { $0.baselineTop }) }
    try baseline.seal(
      tops: tops.filter { !$0.1.isHole }.map { (volume: $0.0, top: $0.1) }, counts: &baselineNames)
    let branch = estimate.beginNames(on: baseline)
    try names.change(in: branch)
    var newTops: [(volume: VolumeNumber, top: Ref)] = []
    for file in files {
      let (old, new) = file.withState { ($0.baselineTop, $0.newTop) }
      if let new {
        newTops.append((file.volume, new))
      } else if !old.isHole, file.after?.attributes == nil {
        newTops.append((file.volume, .hole))
      }
    }
    try branch.seal(tops: newTops, counts: &branchNames)
  }
}
