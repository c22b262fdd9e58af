import CoppiceEstimate
import CoppiceServer
import Foundation
import Glibc
import TestSupport
import Testing

/// `coppice estimate`, as somebody runs it who has no store.
@Suite struct EstimateCommandTests {
  private let coppice: CoppiceCommand

  init() throws {
    var coppice = try CoppiceCommand(makesStore: false)
    coppice.program.environment = ["COPPICE_STORE": ""]
    self.coppice = coppice
  }

  private func number(_ object: [String: Any], _ keys: String...) -> Int? {
    var value: Any? = object
    for key in keys { value = (value as? [String: Any])?[key] }
    return value as? Int
  }

  private func changedPageCounts(_ report: [String: Any]) -> [Int] {
    (report["kinds"] as? [[String: Any]] ?? []).compactMap { $0["changedPageCount"] as? Int }
  }

  @Test func `trees of everything are estimated without a store`() throws {
    try coppice.makeTree()
    try coppice.script(
      """
      cp -a tree later; seq 5 200004 > later/a/numbers; printf more > later/$'\\xff\\xfe'
      rm later/$'new\\nline'; printf line > later/$'other\\nline'; tar -cf later.tar -C later .
      """)
    let report = try coppice.json("estimate", "--before", "tree/", "--after", "later")
    #expect(number(report, "branch", "storedByteCount") ?? 0 > 5000)
    #expect((report["notes"] as? [String])?.count == 2)
    let archived = try coppice.json("estimate", "--before", "tree", "--after", "later.tar")
    #expect(changedPageCounts(report) == changedPageCounts(archived))
    #expect(changedPageCounts(report).first ?? 0 > 100)
    let text = try coppice.check("estimate", "--before", "tree", "--after", "later").text
    #expect(text.contains("a branch would store") && text.contains("tree/pipe is a pipe"))
    #expect(text.contains("reflink copy"), "\(text)")

    let same = try coppice.json("estimate", "--before", "tree", "--after", "tree")
    #expect(number(same, "branch", "storedByteCount") == 0)
    #expect(try FileManager.default.contentsOfDirectory(atPath: coppice.folder.path).count == 3)
  }

  @Test func `what is wrong has a status and a word`() throws {
    try coppice.script("mkdir a; printf x > file; gzip -k file; head -c 2000 file.gz > b")
    let missing = try coppice.failure("estimate", "--before", "a", "--after", "none")
    #expect(missing.status == 3 && missing.object == "none" && !missing.remedy.isEmpty)
    let plain = try coppice.failure("estimate", "--before", "file", "--after", "a")
    #expect(plain.status == 64 && plain.object == "file", "\(plain)")
    let device = try coppice.failure("estimate", "--before", "/dev/null", "--after", "a")
    #expect(device.status == 64 && device.message.contains("neither"))
    #expect(try coppice("estimate", "--before", "a").status == 64)
  }

  @Test func `a file that grows all the time makes no number`() throws {
    try coppice.script("mkdir a b; seq 2000000 > a/big; seq 2000000 > b/big; : > b/growing")
    let writer = try Program("bash").start(
      ["-c", "for i in $(seq 3000); do echo $i >> b/growing; sleep 0.01; done"],
      in: coppice.folder.path)
    defer {
      writer.send(signal: 9)
      _ = try? writer.wait()
    }
    let failure = try coppice.failure("estimate", "--before", "a", "--after", "b")
    #expect(failure.status == 1 && failure.object.hasSuffix("b/growing"), "\(failure)")
    let result = try coppice("estimate", "--before", "a", "--after", "b")
    #expect(result.status == 1 && result.text.isEmpty && result.errors.contains("b/growing"))
  }

  @Test(.enabled(if: getuid() == 0, "needs root to become somebody else"))
  func `nobody's rights are enough, and unreadable files are named`() throws {
    try coppice.script(
      """
      chmod 755 .; mkdir a b; printf x > a/file; printf y > b/file
      printf secret > b/hidden; chmod 600 b/hidden; cp \(coppice.program.path) coppice
      """)
    func run() throws -> Program.Result {
      try Program("setpriv").run(
        [
          "--reuid=65534", "--regid=65534", "--clear-groups", coppice.folder("coppice"),
          "estimate", "--before", "a", "--after", "b",
        ], in: coppice.folder.path)
    }
    let refused = try run()
    #expect(refused.status == 6 && refused.errors.contains("b/hidden"), "\(refused)")
    try coppice.script("rm b/hidden")
    #expect(try run().status == 0)
  }

  @Test func `help has the keys of the answer`() throws {
    let help = try coppice.check("estimate", "--help").text.split { $0 == " " || $0 == "\n" }
      .joined(separator: " ")
    for key in Shape(of: EstimateReport.self).fields.map(\.name) { #expect(help.contains(key)) }
    #expect(help.contains("before {path, fileCount, byteCount}"))
    #expect(help.contains("unitByteCount?"))
  }

  @Test(.enabled(if: Program("\(PostgreSQL.programs)/initdb").isInstalled && getuid() == 0))
  func `a day of a PostgreSQL is told by kind`() throws {
    let server = try PostgreSQL(in: coppice.folder)
    defer { server.stopAll() }
    try server.make("data")
    try server.start("data")
    try server.sql(
      """
      CREATE TABLE t AS SELECT i, md5(i::text) AS h, 0 AS n FROM generate_series(1, 60000) i;
      CREATE INDEX ON t (h); CREATE TABLE wide (v text);
      ALTER TABLE wide ALTER v SET STORAGE EXTERNAL;
      INSERT INTO wide SELECT repeat(md5(i::text), 400) FROM generate_series(1, 300) i;
      """)
    server.stopAll()
    try coppice.script("cp -a data before")
    try server.start("data")
    try server.sql(
      """
      UPDATE t SET n = 1 WHERE i % 50 = 0; CREATE INDEX ON t USING gin (string_to_array(h, 'a'));
      INSERT INTO wide SELECT repeat(md5(i::text), 400) FROM generate_series(301, 320) i;
      """)
    server.stopAll()
    let report = try coppice.json("estimate", "--before", "before", "--after", "data")
    let kinds = (report["kinds"] as? [[String: Any]]) ?? []
    func kind(_ name: String) -> [String: Any] {
      kinds.first { $0["kind"] as? String == name } ?? [:]
    }
    for name in ["heap", "toast", "index", "maps", "wal", "transactionStatus", "server"] {
      #expect(number(kind(name), "fileCount") ?? 0 > 0, "\(name)")
    }
    #expect(kind("other").isEmpty)
    #expect(number(kind("toast"), "byteCount") ?? 0 > 3_000_000)
    #expect(number(kind("index"), "changedPageCount") ?? 0 > 100)
    let advice = (report["advice"] as? [[String: Any]]) ?? []
    let topics = advice.compactMap { $0["topic"] as? String }
    #expect(topics.contains("fullPageImages") && topics.contains("checksums"), "\(advice)")
    let images = advice.first { $0["topic"] as? String == "fullPageImages" }?["text"] as? String
    #expect(images?.contains(" % of the log that changed") ?? false)
    #expect(number(report, "branch", "storedByteCount") ?? 0 > 5000)
  }
}
