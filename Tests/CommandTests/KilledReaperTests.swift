import Coppice
import CoppiceEngine
import CoppiceLifecycle
import CoppicePlatform
import CoppiceServer
import Foundation
import Glibc
import TestSupport
import Testing

/// Servers that are killed while branches end, and while it is proven that they are gone.
///
/// The store comes from a past that the test made up: some branches have been expired for long
/// enough to be deleted, others are due. Each seed makes one such store.
@Suite struct KilledReaperTests {
  private static let hour: UInt64 = 3600 * 1_000_000_000
  private static let endedCount = 30
  private static let dueCount = 30
  private static let keptCount = 8

  private let coppice: CoppiceCommand
  private var place: String { coppice.folder("store") }

  init() throws { coppice = try CoppiceCommand(makesStore: false) }

  @Test func `a server that is killed again and again leaves each branch in one state`() throws {
    for seed in SeedRange.chosen(else: 0..<1) {
      try coppice.script("rm -rf store log-*")
      try makePast()
      var generator = SplitMix64(seed: seed)
      try killWhileBranchesEnd(&generator)
      try killWhileProving(&generator)
      try checkEnd("seed \(seed)")
    }
  }

  // MARK: The past

  /// A boot that ended an hour before this one began, by the clocks that the reaper looks at.
  private func makePast() throws {
    let real = SystemClock()
    let end = real.wallNanoseconds() - Int64(real.bootNanoseconds()) - Int64(Self.hour)
    let clock = SimulatedClock(wallNanoseconds: end - 3 * Int64(Self.hour))
    var options = EngineOptions()
    options.usesThreads = false
    var generator = SplitMix64(seed: 7)
    let store = try Store.create(
      disk: DirectoryDisk(path: place, creating: true), clock: clock, directory: place, options
    ) { generator.bytes($0) }
    let reaper = Reaper(store, Doors(), bootID: "before")
    try store.set("policy", to: Array(#"{"reaper": {"massCount": 1000, "stepCount": 1000}}"#.utf8))
    try store.createBranch("main").writeFile("shared", Self.content("main"))
    func make(_ kind: String, _ count: Int, _ terms: EntryTerms) throws {
      for number in 0..<count {
        let name = "\(kind)-\(number)"
        try store.createBranch(name, from: "main", terms: terms)
          .writeFile("own", Self.content(name))
        if number % 3 == 0 { try store.createSnapshot("\(name)@one") }
      }
    }
    try make("ended", Self.endedCount, EntryTerms(end: .after(.seconds(60)), owner: "ana"))
    try make("plain", Self.keptCount, EntryTerms())
    clock.advance(byNanoseconds: Self.hour)
    #expect(try reaper.run().expired.count == Self.endedCount)
    try make("due", Self.dueCount, EntryTerms(end: .after(.seconds(60))))
    try make("leased", Self.keptCount, EntryTerms(leasePeriod: .seconds(60)))
    try make("kept", Self.keptCount, EntryTerms(end: .after(.seconds(60))))
    try store.protect((0..<Self.keptCount).map { "kept-\($0)" })
    try store.set(
      "policy",
      to: Array(
        #"{"expiredGrace": "1m", "reaper": {"massCount": 1000, "stepCount": 1000}}"#.utf8))
    clock.advance(byNanoseconds: 2 * Self.hour)
    // Stores how long the machine has been up, and ends nothing.
    try reaper.resume()
    try store.close()
  }

  private static func content(_ name: String) -> [UInt8] {
    var generator = SplitMix64(seed: name.utf8.reduce(5) { $0 &* 31 &+ UInt64($1) })
    return generator.bytes(9000)
  }

  // MARK: Killing

  private func killWhileBranchesEnd(_ generator: inout SplitMix64) throws {
    var before = try entries()
    var round = 0
    while true {
      let left = before.values.count { entry in
        !entry.isSnapshot
          && (entry.state == .live
            && ["due", "leased"].contains { entry.name.hasPrefix($0) }
            || entry.state == .expired && entry.name.hasPrefix("ended"))
      }
      if left == 0 { break }
      let lineCount = 1 + generator.below(min(left, 12))
      try serve(round, killedAfter: lineCount, generator.below(2_000_000))
      let after = try entries()
      check(before, after)
      before = after
      round += 1
      #expect(round < 200, "\(left) ends are left")
      if round == 200 { break }
    }
  }

  /// Starts a server and kills it so many nanoseconds after it has logged so many ends.
  private func serve(_ round: Int, killedAfter lineCount: Int, _ delay: Int) throws {
    let path = coppice.folder("log-\(round)")
    let running = try Program("bash", environment: coppice.program.environment).start(
      ["-c", "exec \(coppice.program.path) serve 2> \(path)"], in: coppice.folder.path)
    let clock = SystemClock()
    let deadline = clock.monotonicNanoseconds() + 60_000_000_000
    var found = 0
    func log() throws -> String {
      String(decoding: try TemporaryFolder.bytes(of: path), as: UTF8.self)
    }
    while found < lineCount, clock.monotonicNanoseconds() < deadline {
      Pause().wait(nanoseconds: 200_000)
      found = ((try? log()) ?? "").split(separator: "\n").count {
        $0.contains("] expire ") || $0.contains("] delete ")
      }
    }
    spin(delay)
    running.send(signal: SIGKILL)
    let result = try running.wait()
    let text = try log()
    #expect(found >= lineCount, "\(found) ends of \(lineCount): \(text)")
    #expect(result.status == 128 + SIGKILL)
  }

  private func killWhileProving(_ generator: inout SplitMix64) throws {
    var before = try entries()
    for _ in 0..<4 {
      let server = try ServingCoppice(coppice)
      let collecting = try coppice.program.start(["gc"], in: coppice.folder.path)
      let least = (try? proofFiles().count) ?? 0
      let clock = SystemClock()
      // Now while it collects, now once the first proofs are there.
      if generator.below(2) == 0 {
        let deadline = clock.monotonicNanoseconds() + 1_000_000_000
        while try proofFiles().count == least, clock.monotonicNanoseconds() < deadline {
          Pause().wait(nanoseconds: 100_000)
        }
      }
      spin(generator.below(60_000_000))
      try server.end(SIGKILL)
      _ = try collecting.wait()
      let after = try entries()
      check(before, after)
      before = after
    }
  }

  private func spin(_ nanoseconds: Int) {
    let clock = SystemClock()
    let end = clock.monotonicNanoseconds() + UInt64(nanoseconds)
    while clock.monotonicNanoseconds() < end {}
  }

  private func proofFiles() throws -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(place)/proofs")) ?? []
    return names.filter { $0.hasSuffix(".json") && !$0.hasPrefix(".") }
  }

  // MARK: What must hold

  private func entries() throws -> [UInt64: EntryInfo] {
    let store = try Store.open(at: place, options: Store.Options(isReadOnly: true))
    defer { try? store.close() }
    let all = try store.entries(in: .all)
    #expect(Set(all.map(\.id)).count == all.count)
    return Dictionary(all.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
  }

  private func check(_ before: [UInt64: EntryInfo], _ after: [UInt64: EntryInfo]) {
    let order: [EntryState?] = [.live, .expired, .deleted, nil]
    func rank(_ state: EntryState?) -> Int { order.firstIndex(of: state) ?? 0 }
    var branches: [String: EntryState] = [:]
    for entry in after.values where !entry.isSnapshot { branches[entry.name] = entry.state }
    for (id, old) in before {
      let new = after[id]
      #expect(rank(old.state) <= rank(new?.state), "\(old.name)")
      if ["main", "plain", "kept"].contains(where: { old.name.hasPrefix($0) }) {
        #expect(new == old)
      }
      if old.state == .expired, new?.state == .deleted { #expect(old.name.hasPrefix("ended")) }
      if let new, new.isSnapshot, let branch = new.name.split(separator: "@").first {
        #expect(branches[String(branch)] == new.state, "\(new.name)")
      }
    }
    #expect(after.keys.allSatisfy { before[$0] != nil })
  }

  private func checkEnd(_ comment: Comment) throws {
    let server = try ServingCoppice(coppice)
    let collected = try coppice.json("gc", "--full")
    #expect(collected["notes"] as? [String] == [])
    let counts = try #require(try coppice.json("stats")["endProofs"] as? [String: Int])
    #expect(counts["waitingCount"] == 0 && counts["missedCount"] == 0, comment)
    try server.end(SIGTERM)
    #expect(try coppice.json("check")["findings"] as? [[String: String]] == [])

    let store = try Store.open(at: place)
    defer { try? store.close() }
    let proofs = KeptProofs(store)
    let keys = try proofs.keys()
    let names = (0..<Self.endedCount).map { "ended-\($0)" }
    #expect(keys.map(\.name).sorted() == names.sorted(), comment)
    for key in keys {
      let proof = try VerifiedProof(proofs.envelope(key), signedBy: ProofKeys(store).publicKeys[0])
      let predicate = proof.statement.predicate
      #expect(proof.verdict == .reclaimed && key.cause == .ttl, "\(key.name)")
      #expect(predicate.branch.owner == "ana" && predicate.ending == EntryEnding(.ttl))
    }
    for file in try coppice.script("find store/segments store/journal* -type f").text
      .split(separator: "\n")
    {
      let bytes = Data(try TemporaryFolder.bytes(of: coppice.folder(String(file))))
      for name in names {
        #expect(bytes.range(of: Data(Self.content(name).prefix(64))) == nil, "\(name) in \(file)")
      }
    }
    for kind in ["plain", "kept"] {
      for number in 0..<Self.keptCount {
        let branch = try store.branch("\(kind)-\(number)")
        let file = try branch.lookup("own")
        let content = try branch.read(file, at: 0, byteCount: 10_000)
        #expect(content == Self.content("\(kind)-\(number)"))
      }
    }
  }
}
