internal import Coppice
internal import Foundation

/// What the life of branches costs in a server that has 10,000 with ends, leases, owners and
/// labels: requests on a kept connection, and its looks for ends.
struct ServerBenchmark {
  let workspace: Workspace
  private static let branchCount = 10_000
  private static let roundCount = 2000
  private static let listCount = 20
  private static let lookCount = 3

  func run() throws {
    guard FileManager.default.isExecutableFile(atPath: StoreServer.program) else {
      return report(
        "server", "left out: no \(StoreServer.program); swift build -c release --product coppice")
    }
    try runMany()
    try runDeletion()
  }

  private func runMany() throws {
    let directory = workspace.fresh("many")
    let store = try Store.create(at: directory)
    try store.createBranch("main").writeFile("file", [1])
    for index in 0..<Self.branchCount {
      try store.createBranch(
        "many-\(index)", from: "main",
        terms: EntryTerms(
          end: .after(.seconds(86_400 + index)), leasePeriod: .seconds(3600), owner: "ana",
          labels: ["pr": "\(index)", "group": "\(index % 100)"]))
    }
    try store.close()
    let server = try StoreServer(directory)
    defer { server.stop() }
    var plain = Samples()
    var ending = Samples()
    for index in 0..<Self.roundCount {
      plain.add(
        try measure {
          try server.request("POST", "/v1/branches", #"{"name":"p-\#(index)","from":"main"}"#)
        })
      let terms =
        #"{"ttlSeconds":86400,"leaseSeconds":3600,"owner":"ana","#
        + #""labels":["pr=\#(index)","group=new"]}"#
      ending.add(
        try measure {
          try server.request(
            "POST", "/v1/branches", #"{"name":"e-\#(index)","from":"main","terms":\#(terms)}"#)
        })
    }
    report(
      "request for a branch with an end, a lease, an owner and labels, against one without",
      "\(format(ending.median * 1e6)) us against \(format(plain.median * 1e6)) us",
      ratio: ending.median / plain.median, goal: .atMost(1.1))
    var lists = Samples()
    for _ in 0..<Self.listCount {
      lists.add(try measure { try server.request("GET", "/v1/branches?labels=group%3D7") })
    }
    report(
      "request for the 100 of \(Self.branchCount + 2 * Self.roundCount) branches with a label",
      "\(format(lists.median * 1e3, 1)) ms, at most \(format(lists.quantile(1) * 1e3, 1)) ms",
      ratio: lists.quantile(1) / 0.05, goal: .atMost(1))
    let before = server.processorSeconds(ofThreads: "reaper")
    // It looks each ten seconds.
    sleep(UInt32(10 * Self.lookCount))
    let each = (server.processorSeconds(ofThreads: "reaper") - before) / Double(Self.lookCount)
    report(
      "a look for ends among \(Self.branchCount + 2 * Self.roundCount) branches",
      "\(format(each * 1e3, 1)) ms of a processor", ratio: each / 0.02, goal: .atMost(1))
  }

  private func runDeletion() throws {
    let source = workspace.fresh("deletion-source")
    try PageFile.write(source, pageCount: 131_072, seed: 81)
    let directory = workspace.fresh("deletion")
    let store = try Store.create(at: directory)
    _ = try store.importFiles(from: .path(source), into: "main", at: BranchPath("data"))
    let page = PageMemory()
    var random = Random(82)
    var times = Samples()
    for index in 0..<5 {
      let file = try store.createBranch("trial-\(index)", from: "main").open("data")
      for _ in 0..<2000 {
        PageContent.fill(page[0], &random)
        let offset = random.next(below: 131_072) * PageContent.byteCount
        try file.write(at: UInt64(offset), UnsafeRawBufferPointer(page[0]))
      }
      file.close()
    }
    try store.close()
    let server = try StoreServer(directory)
    defer { server.stop() }
    for index in 0..<5 {
      try server.connect()
      times.add(
        try measure {
          let answer = try server.request(
            "DELETE", "/v1/branches?names=trial-\(index)&now=true&proof=true")
          guard String(decoding: answer, as: UTF8.self).contains("\"isReclaimed\":true") else {
            throw StoreServer.Failed(
              description: String(decoding: answer.prefix(1000), as: UTF8.self))
          }
        })
    }
    report(
      "request for a deletion for good with its proof, 2,000 changed pages, store of 1 GiB",
      "\(format(times.median, 2)) s, at most \(format(times.quantile(1), 2)) s",
      ratio: times.quantile(1), goal: .atMost(1))
  }
}
