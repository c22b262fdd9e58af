import Coppice
import Glibc
import TestSupport
import Testing

/// Very many branches whose ends come at once.
@Suite struct MassEndTests {
  private static let count = 1000
  private static let groupCount = 10

  @Test func `a thousand that are due at once stay until somebody lets them go`() throws {
    let coppice = try CoppiceCommand(makesStore: false)
    let store = try Store.create(at: coppice.folder("store"))
    try store.set("policy", to: Array(#"{"reaper": {"stepCount": 1000}}"#.utf8))
    try store.createBranch("main").writeFile("file", [1])
    for number in 0..<Self.count {
      try store.createBranch(
        "b\(number)", from: "main",
        terms: EntryTerms(
          end: .after(.milliseconds(1)), owner: "ana",
          labels: ["pr": "\(number)", "group": "\(number % Self.groupCount)"]))
    }
    try store.close()
    let server = try ServingCoppice(coppice)
    let held = try coppice.json("policy", "run")
    #expect(held["pauses"] as? [String] == ["too many are due at once"])
    // One in a minute: the server's own first look may have taken it.
    let first = try #require(held["expired"] as? [String]).count
    let kept = try #require(held["kept"] as? [[String: Any]])
    #expect(first <= 1 && kept.count >= Self.count - 1)
    #expect(
      kept.allSatisfy { ($0["reason"] as? String)?.contains("one ends in a minute") ?? false })
    func found(_ state: String) throws -> Int {
      let list = try coppice.json("branch", "list", "--label", "group=7", "--state", state)
      return try #require(list["branches"] as? [[String: Any]]).count
    }
    let groupCount = Self.count / Self.groupCount
    #expect(try found("all") == groupCount && found("live") >= groupCount - 1)
    let accepted = try coppice.json("policy", "run", "--accept", "\(Self.count)")
    #expect(try #require(accepted["expired"] as? [String]).count == Self.count - 1)
    #expect(accepted["kept"] as? [String] == [])
    #expect(try coppice.json("policy", "run")["pauses"] as? [String] == [])
    #expect(try found("expired") == groupCount && found("live") == 0)
    let log = try server.end(SIGTERM).errors
    #expect(log.contains("ends are paused: too many are due at once"))
    #expect(log.split(separator: "\n").count { $0.contains("] expire b") } == Self.count)
  }
}
