internal import Coppice

/// What ends, leases, owners and labels cost: a fork with them against one without, in turn, and a
/// list of 10,000 that have them.
struct LifecycleBenchmark {
  let workspace: Workspace
  private static let branchCount = 10_000
  private static let roundCount = 2000
  private static let listCount = 20

  func run() throws {
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
          found = try store.entries().filter { $0.labels["group"] == "7" }.count
        })
    }
    report(
      "\(found) of \(Self.branchCount + 2 * Self.roundCount) branches found by a label",
      "\(format(lists.median * 1e3, 1)) ms", ratio: lists.median / 0.05, goal: .atMost(1))
  }

  private func terms(_ index: Int) -> EntryTerms {
    EntryTerms(
      end: .after(.seconds(86_400 + index)), leasePeriod: .seconds(3600), owner: "ana",
      labels: ["pr": "\(index)", "group": "\(index % 100)"])
  }
}
