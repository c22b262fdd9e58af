internal import Coppice
internal import Glibc
internal import Synchronization

/// Garbage collection: how fast space comes back, what writers feel of it, and what it takes.
struct CollectionBenchmark {
  let workspace: Workspace

  func run() throws {
    try ReclaimBenchmark(workspace: workspace).run()
    try measureRecent(imagePageCount: 163_840)
    try measureSteadyState()
  }

  /// 1 GiB of changes in 10 GiB and in 100 GiB.
  func runLarge() throws { try measureRecent(imagePageCount: 1_310_720) }

  // MARK: Collections of what is new

  /// Changes of a tenth of an image in a store of one image and in one of ten.
  private func measureRecent(imagePageCount: Int) throws {
    let changedPageCount = imagePageCount / 10
    let source = workspace.fresh("collect-source")
    try PageFile.write(source, pageCount: imagePageCount, seed: 41)
    var small = Samples()
    var large = Samples()
    for (imageCount, isLarge) in [(1, false), (10, true)] {
      let directory = workspace.fresh("collect-recent")
      var store = try Store.create(at: directory, options: Self.manual)
      for index in 0..<imageCount {
        _ = try store.importFiles(
          from: .path(source), into: "image-\(index)", at: BranchPath("data"))
      }
      let all = try store.collectGarbage()
      if isLarge { reportMarks(all) }
      for round in 0..<3 {
        try overwrite(
          store, "image-0", changedPageCount, of: imagePageCount, seed: UInt64(round))
        // Closing seals what was written; after opening a thread reads directories for a moment.
        try store.close()
        store = try Store.open(at: directory, options: Self.manual)
        sleep(1)
        let time = try measure { _ = try store.collectGarbage(isYoung: true) }
        if isLarge { large.add(time) } else { small.add(time) }
      }
      try store.close()
    }
    let logical = imagePageCount * PageContent.byteCount
    report(
      "collection after \(megabytes(changedPageCount * PageContent.byteCount)) changed, "
        + "\(megabytes(logical * 10)) against \(megabytes(logical)) stored logically",
      "\(format(large.median * 1e3)) ms, \(format(small.median * 1e3)) ms",
      ratio: large.median / small.median, goal: .atMost(1.5))
  }

  private func reportMarks(_ summary: CollectionSummary) {
    let limit = Double(summary.frameCount) / 8 + Double(64 << 20)
    report(
      "memory of the marks for \(summary.frameCount) pages and nodes",
      megabytes(summary.markByteCount), ratio: Double(summary.markByteCount) / limit,
      goal: .atMost(1))
  }

  static var manual: Store.Options {
    var options = Store.Options()
    options.collection.isAutomatic = false
    return options
  }

  /// Writes that many new pages to random places of the image.
  private func overwrite(
    _ store: Store, _ name: String, _ changedPageCount: Int, of pageCount: Int, seed: UInt64
  ) throws {
    let branch = try store.branch(name)
    let file = try branch.open("data")
    defer { file.close() }
    let page = PageMemory()
    var random = Random(seed)
    for _ in 0..<changedPageCount {
      PageContent.fill(page[0], &random)
      let number = random.next(below: pageCount)
      try file.write(
        at: UInt64(number * PageContent.byteCount), UnsafeRawBufferPointer(page[0]))
    }
    try file.flush()
  }

  // MARK: Steady state

  /// Random overwrites until the store has been written several times over, collected by itself.
  private func measureSteadyState() throws {
    let pageCount = 65_536
    let source = workspace.fresh("collect-source")
    try PageFile.write(source, pageCount: pageCount, seed: 43)
    let store = try Store.create(at: workspace.fresh("collect-steady"))
    defer { try? store.close() }
    _ = try store.importFiles(from: .path(source), into: "main", at: BranchPath("data"))
    let branch = try store.branch("main")
    let file = try branch.open("data")
    defer { file.close() }
    let page = PageMemory()
    var random = Random(44)
    var overheads = Samples()
    for round in 0..<24 {
      for _ in 0..<pageCount / 8 {
        PageContent.fill(page[0], &random)
        try file.write(
          at: UInt64(random.next(below: pageCount) * PageContent.byteCount),
          UnsafeRawBufferPointer(page[0]))
      }
      try file.flush()
      let usage = try store.statistics()
      if round >= 8 {
        overheads.add(Double(usage.storedByteCount) / Double(usage.liveByteCount))
      }
    }
    report(
      "space in a steady state of random overwrites, stored against needed bytes",
      "median \(format(overheads.median, 2)), largest \(format(overheads.quantile(1), 2))",
      ratio: overheads.quantile(1), goal: .atMost(1.35))
  }
}
