internal import Coppice

/// What ends, leases, owners and labels cost: a fork with them against one without, in turn, and a
/// list of 10,000 that have them; and what a measurement of a branch's growth does.
struct LifecycleBenchmark {
  let workspace: Workspace
  private static let branchCount = 10_000
  private static let roundCount = 2000
  private static let listCount = 20
  /// 10 GiB.
  private static let largePageCount = 1_310_720
  private static let changedPageCount = 9000

  func run() throws {
    try runEnds()
    try runGrowth()
  }

  private func runEnds() throws {
    let store = try Store.create(at: workspace.fresh("lifecycle"))
    defer { try? store.close() }
    try store.createBranch("main").writeFile("file", [1])
    for index in 0..<Self.branchCount {
      try store.createBranch("many-\(index)", from: "main", terms: terms(index))
    }
    var plain = Samples()
    var ending = Samples()
    for index in 0..<Self.roundCount {
      plain.add(try measure { try store.createBranch("plain-\(index)", from: "main") })
      ending.add(
        try measure {
          try store.createBranch("ending-\(index)", from: "main", terms: terms(index))
        })
    }
    report(
      "fork with an end, a lease, an owner and labels, against one without",
      "\(format(ending.median * 1e6)) us against \(format(plain.median * 1e6)) us",
      ratio: ending.median / plain.median, goal: .atMost(1.1))
    var lists = Samples()
    var found = 0
    for _ in 0..<Self.listCount {
      lists.add(
        try measure {
          found = try store.entries(having: ["group": "7"]).count
        })
    }
    report(
      "\(found) of \(Self.branchCount + 2 * Self.roundCount) branches found by a label",
      "\(format(lists.median * 1e3, 1)) ms", ratio: lists.median / 0.05, goal: .atMost(1))
  }

  private func runGrowth() throws {
    let store = try Store.create(at: workspace.fresh("growth"))
    defer { try? store.close() }
    _ = try SizeBenchmark.importPages(Self.largePageCount, into: store)
    let branch = try store.createBranch("trial", from: "main")
    let file = try branch.open("data")
    defer { file.close() }
    let page = PageMemory()
    var random = Random(72)
    func change(_ count: Int) throws {
      for _ in 0..<count {
        PageContent.fill(page[0], &random)
        let offset = random.next(below: Self.largePageCount) * PageContent.byteCount
        try file.write(at: UInt64(offset), UnsafeRawBufferPointer(page[0]))
      }
    }
    try change(Self.changedPageCount)
    // Seals all.
    _ = try store.collectGarbage()
    var times = Samples()
    var added: UInt64 = 0
    for _ in 0..<Self.listCount {
      times.add(try measure { added = try store.measureAdded(by: "trial").addedByteCount })
      try change(1)
    }
    report(
      "growth of a branch after \(Self.changedPageCount) changed pages in a store of 10 GiB",
      "\(format(times.median * 1e3, 1)) ms, at most \(format(times.quantile(1) * 1e3, 1)) ms, "
        + "\(megabytes(Int(added))) added",
      ratio: times.quantile(1) / 0.05, goal: .atMost(1))
  }

  private func terms(_ index: Int) -> EntryTerms {
    EntryTerms(
      end: .after(.seconds(86_400 + index)), leasePeriod: .seconds(3600), owner: "ana",
      labels: ["pr": "\(index)", "group": "\(index % 100)"])
  }
}
