import Coppice
import Foundation
import Glibc
import TestSupport
import Testing

/// Ends of thousands of branches, and a limit as it is, in a real server.
@Suite(.serialized, .enabled(if: getenv("SOAK") != nil, "takes minutes: make soak runs it"))
struct ServerSoakTests {
  private static let endedCount = 10_000

  private func branches(_ coppice: CoppiceCommand, _ state: String) throws -> Set<String> {
    let list = try coppice.json("branch", "list", "--state", state)["branches"]
    return Set(
      try #require(list as? [[String: Any]]).compactMap { $0["name"] as? String })
  }

  @Test func `10,000 ends at once wait for somebody's word, and no killed server loses any`()
    throws
  {
    let coppice = try CoppiceCommand()
    let store = try Store.open(at: coppice.folder("store"))
    try store.createBranch("main").writeFile("file", [1, 2, 3])
    let terms = EntryTerms(end: .after(.seconds(1)))
    for number in 0..<Self.endedCount {
      try store.createBranch("ends-\(number)", from: "main", terms: terms)
    }
    for number in 0..<100 { try store.createBranch("stays-\(number)", from: "main") }
    try store.close()

    var random = SplitMix64(seed: UInt64(SeedRange.number("SEED") ?? 0))
    var server = try ServingCoppice(coppice)
    let braked = try coppice.json("policy", "run")
    #expect(braked["pauses"] as? [String] == ["too many are due at once"])
    #expect(try branches(coppice, "expired").count <= 3)
    try coppice.check("policy", "run", "--accept", "\(Self.endedCount)")
    var runCount = 0
    while try branches(coppice, "live").count > 101 {
      runCount += 1
      try #require(runCount < 2000)
      if random.oneIn(12) {
        // In the middle of what it does, as far as that goes.
        let running = try coppice.program.start(["policy", "run"], in: coppice.folder.path)
        try coppice.script("seq \(1 + random.below(200_000)) | sort > /dev/null")
        try server.end(SIGKILL)
        _ = try running.wait()
        server = try ServingCoppice(coppice)
      }
      let report = try coppice.json("policy", "run")
      #expect((report["expired"] as? [String])?.count ?? 0 <= 101)
    }
    let live = try branches(coppice, "live")
    #expect(live == Set((0..<100).map { "stays-\($0)" } + ["main"]))
    #expect(try branches(coppice, "expired").count == Self.endedCount)
    #expect(try coppice.check("policy", "run").text == "Nothing is due\n")
    try coppice.check("branch", "renew", "ends-77", "--ttl", "1d")
    #expect(try coppice.check("cat", "ends-77:file").output == [1, 2, 3])
    try server.end(SIGTERM)
    try coppice.check("check")
  }

  @Test func `a branch expires a gibibyte above a limit that overwriting took it beyond`() throws {
    let coppice = try CoppiceCommand()
    let store = try Store.open(at: coppice.folder("store"))
    let limit: UInt64 = 64 << 20
    let branch = try store.createBranch("wide", terms: EntryTerms(maxStoredByteCount: limit))
    let file = try branch.writeFile("file", [])
    var random = SplitMix64(seed: 5)
    func overwrite() throws {
      for piece in 0..<15 {
        try branch.write(file, at: UInt64(piece) << 22, random.bytes(1 << 22))
      }
    }
    var roundCount = 0
    while try !store.isBeyondLimit("wide") {
      try overwrite()
      try store.createSnapshot("wide@\(roundCount)")
      roundCount += 1
      try #require(roundCount < 30)
    }
    // 60 MiB each: 18 are less than the limit and a gibibyte, and 19 more.
    #expect(roundCount == 19)
    #expect(try store.measureAdded(by: "wide").addedByteCount > limit + 1 << 30)
    try store.close()
    let server = try ServingCoppice(coppice)
    try coppice.check("policy", "run")
    #expect(try branches(coppice, "expired") == ["wide"])
    try server.end(SIGTERM)
  }
}
