internal import Coppice

/// A fork's seal: 64 MB of dirty pages become segments. Timed by closing the store, which seals,
/// syncs and writes a checkpoint.
struct SealBenchmark {
  let workspace: Workspace
  private static let pageCount = 32_768
  /// Just under what makes a store seal by itself.
  private static let dirtyCount = 7800

  /// What becomes of a page.
  private enum Change {
    /// A row is updated in its place.
    case update
    /// A row goes, and those behind it move.
    case compaction
    /// Too much is new for a difference to be taken, and too little for none to be made.
    case mixture
    /// Nothing of it stays.
    case replacement

    func apply(to page: UnsafeMutableRawBufferPointer, _ random: inout Random) {
      switch self {
      case .update: PageContent.update(page, &random)
      case .compaction: PageContent.compact(page, &random)
      case .mixture:
        PageContent.compact(page, &random)
        PageContent.fillNoise(
          UnsafeMutableRawBufferPointer(rebasing: page[(page.count * 5 / 8)...]), &random)
      case .replacement: PageContent.fill(page, &random)
      }
    }
  }

  func run() throws {
    let source = workspace.fresh("seal-source")
    try PageFile.write(source, pageCount: Self.pageCount, seed: 31)
    let goal = Goal.atLeast(1)
    try run(source, "one after the other", .update, isSpread: false, goal)
    try run(source, "spread at random", .update, isSpread: true, goal)
    try run(source, "whose rows moved", .compaction, isSpread: true, nil)
    try run(source, "of which three eighths are new", .mixture, isSpread: true, nil)
    try run(source, "that have nothing of the old ones", .replacement, isSpread: true, nil)
  }

  private func run(
    _ source: String, _ item: String, _ change: Change, isSpread: Bool, _ goal: Goal?
  ) throws {
    let directory = workspace.fresh("seal")
    var store = try Store.create(at: directory)
    _ = try store.importFiles(from: .path(source), into: "main", at: BranchPath("data"))
    try store.close()
    var rates = Samples()
    for round in 0..<3 {
      store = try Store.open(at: directory)
      try apply(change, store, "fork-\(round)", isSpread: isSpread, seed: UInt64(round))
      let time = try measure { try store.close() }
      rates.add(Double(Self.dirtyCount * PageContent.byteCount) / 1e6 / time)
    }
    report(
      "seal of \(megabytes(Self.dirtyCount * PageContent.byteCount)) of dirty pages, \(item)",
      "\(format(rates.median, 0)) MB/s", ratio: rates.median / 300, goal: goal)
  }

  private func apply(
    _ change: Change, _ store: Store, _ name: String, isSpread: Bool, seed: UInt64
  ) throws {
    let branch = try store.createBranch(name, from: "main")
    let file = try branch.open("data")
    defer { file.close() }
    let page = PageMemory()
    var random = Random(seed)
    for index in 0..<Self.dirtyCount {
      let number = isSpread ? random.next(below: Self.pageCount) : index
      let offset = UInt64(number * PageContent.byteCount)
      _ = try file.read(at: offset, into: page.bytes)
      change.apply(to: page.bytes, &random)
      try file.write(at: offset, UnsafeRawBufferPointer(page.bytes))
    }
    try file.flush()
  }
}
