internal import Coppice

/// A fork's seal: 64 MB of dirty pages, each the old page with a row updated, become segments.
/// Timed by closing the store, which seals, syncs and writes a checkpoint.
struct SealBenchmark {
  let workspace: Workspace
  private static let pageCount = 32_768
  /// Just under what makes a store seal by itself.
  private static let dirtyCount = 7800

  func run() throws {
    let source = workspace.fresh("seal-source")
    try PageFile.write(source, pageCount: Self.pageCount, seed: 31)
    for (item, isSpread) in [("one after the other", false), ("spread at random", true)] {
      let directory = workspace.fresh("seal")
      var store = try Store.create(at: directory)
      _ = try store.importFiles(from: .path(source), into: "main", at: BranchPath("data"))
      try store.close()
      var rates = Samples()
      for round in 0..<3 {
        store = try Store.open(at: directory)
        try change(store, "fork-\(round)", isSpread: isSpread, seed: UInt64(round))
        let time = try measure { try store.close() }
        rates.add(Double(Self.dirtyCount * PageContent.byteCount) / 1e6 / time)
      }
      report(
        "seal of \(megabytes(Self.dirtyCount * PageContent.byteCount)) of dirty pages, \(item)",
        "\(format(rates.median, 0)) MB/s", ratio: rates.median / 300, goal: .atLeast(1))
    }
  }

  private func change(_ store: Store, _ name: String, isSpread: Bool, seed: UInt64) throws {
    let branch = try store.createBranch(name, from: "main")
    let file = try branch.open("data")
    defer { file.close() }
    let page = PageMemory()
    var random = Random(seed)
    for index in 0..<Self.dirtyCount {
      let number = isSpread ? random.next(below: Self.pageCount) : index
      let offset = UInt64(number * PageContent.byteCount)
      _ = try file.read(at: offset, into: page.bytes)
      PageContent.update(page.bytes, &random)
      try file.write(at: offset, UnsafeRawBufferPointer(page.bytes))
    }
    try file.flush()
  }
}
