import CoppiceFormat
import Foundation
import TestSupport
import Testing

/// Stores whose files are not what was written.
@Suite struct DamageTests {
  private static func made() throws -> CoppiceCommand {
    let coppice = try CoppiceCommand()
    try coppice.script("mkdir tree; head -c 3000000 /dev/urandom > tree/noise; echo x > tree/fine")
    try coppice.check("import", "tree", "main")
    return coppice
  }

  @Test func `2 for damage that a scrub finds, with the files it concerns`() throws {
    let coppice = try Self.made()
    #expect(try coppice.json("check")["isClean"] as? Bool == true)
    #expect(try coppice.json("scrub")["isClean"] as? Bool == true)
    try coppice.script(
      """
      printf damaged! |
        dd of=store/segments/0000000001 bs=1 seek=900000 conv=notrunc status=none
      """)
    let result = try coppice("scrub", "--json")
    #expect(result.status == 2)
    let answer = try JSONSerialization.jsonObject(with: Data(result.output)) as? [String: Any]
    let findings = try #require(answer?["findings"] as? [[String: Any]])
    #expect(findings.count == 1)
    let affected = try #require(findings.first?["affected"] as? [[String: Any]])
    #expect(affected.first?["branch"] as? String == "main")
    #expect(affected.first?["path"] as? String == "noise")
    #expect(try coppice("scrub").text.contains("main:noise"))
    let failure = try coppice.failure("cat", "main:noise")
    #expect(failure.kind == "corrupt" && failure.object == "main:noise")
    #expect(failure.remedy.contains("`coppice scrub`"))
  }

  @Test func `a scrub stops at its limit and goes on from there`() throws {
    let coppice = try Self.made()
    let first = try coppice.json("scrub", "--limit", "1")
    let next = try #require(first["next"] as? String)
    #expect(first["completePassStartedAt"] is NSNull)
    let onlyRead = try coppice.json("scrub", "--from", next)
    #expect(onlyRead["next"] is NSNull)
    #expect(onlyRead["completePassStartedAt"] is NSNull)
    let rest = try coppice.json("scrub")
    #expect(rest["next"] is NSNull)
    #expect(rest["frameCount"] as? Int == onlyRead["frameCount"] as? Int)
    let since = try #require(rest["completePassStartedAt"] as? String)
    let whole = try coppice.json("scrub")
    #expect(
      (first["frameCount"] as? Int ?? 0) + (rest["frameCount"] as? Int ?? 0)
        == whole["frameCount"] as? Int)
    let again = try coppice.json("scrub", "--limit", "1", "--restart")
    #expect(again["next"] is String)
    #expect(since < again["completePassStartedAt"] as? String ?? "")
    #expect(try coppice("scrub", "--from", "nowhere").status == 64)
  }

  @Test func `a repair heals a page from a new import, and lists what it cannot heal`() throws {
    let coppice = try Self.made()
    #expect(try coppice.check("repair").text == "Nothing to repair\n")
    try coppice.script(
      """
      printf damaged! |
        dd of=store/segments/0000000001 bs=1 seek=900000 conv=notrunc status=none
      """)
    let before = try coppice("repair", "--json")
    #expect(before.status == 2)
    let answer = try JSONSerialization.jsonObject(with: Data(before.output)) as? [String: Any]
    #expect((answer?["lost"] as? [[String: Any]])?.count == 1)
    #expect(try coppice("repair").text.contains("main:noise"))
    try coppice.check("import", "tree", "again")
    #expect(try coppice.json("repair")["healedPageCount"] as? Int == 1)
    try coppice.check("export", "main", "out")
    try coppice.script("cmp out/noise tree/noise")
  }

  @Test func `a repair says what a catalogue that is put together is without`() throws {
    let coppice = try Self.made()
    try coppice.check("put", "main:more", input: coppice.folder("tree/fine"))
    try coppice.check("snapshot", "create", "main@kept")
    try coppice.script(
      """
      for file in store/catalogue-*; do
        printf damaged! | dd of=$file bs=1 seek=20 conv=notrunc status=none
      done
      """)
    let failure = try coppice.failure("repair")
    #expect(failure.status == 8)
    #expect(failure.message.contains("without what was not sealed, without snapshots and forks"))
    #expect(failure.remedy.contains("--accept-loss"))
    let text = try coppice.check("repair", "--accept-loss").text
    #expect(text.contains("catalogue: it was put together from"))
    #expect(text.contains("catalogue: these may have been deleted before: main"))
    #expect(try coppice.check("cat", "main:more").text == "x\n")
    #expect(try coppice.json("check")["isClean"] as? Bool == true)
  }

  @Test func `8 for reading a damaged page, and the other files are still there`() throws {
    let coppice = try Self.made()
    try coppice.script(
      """
      printf damaged! |
        dd of=store/segments/0000000001 bs=1 seek=900000 conv=notrunc status=none
      """)
    let failure = try coppice.failure("cat", "main:noise")
    #expect(failure.status == 8)
    #expect(failure.kind == "corrupt")
    #expect(try coppice("export", "main", "out").status == 8)
    try coppice.script("[ ! -e out ]; ! ls | grep incomplete")
    #expect(try coppice.check("cat", "main:fine").text == "x\n")
  }

  @Test func `2 for a segment that is cut, and for one that is gone`() throws {
    let coppice = try Self.made()
    try coppice.script("cp -r store kept; truncate -s 1000000 store/segments/0000000001")
    #expect(try coppice("check").status == 2)
    try coppice.script("rm -r store; cp -r kept store; rm store/segments/0000000001")
    let result = try coppice("check")
    #expect(result.status == 2)
    #expect(result.text.contains("0000000001"))
  }

  @Test func `9 for a store of a newer format`() throws {
    let coppice = try Self.made()
    let bytes = try TemporaryFolder.bytes(of: coppice.folder("store/superblock"))
    var superblock = try Superblock.decode(bytes.span.bytes)
    superblock.formatVersion = 2
    try coppice.folder.write("store/superblock", superblock.encode())
    let failure = try coppice.failure("ls", "main")
    #expect(failure.status == 9)
    #expect(failure.kind == "unsupportedFormat")
    #expect(try coppice("check").status == 9)
    #expect(try coppice("inspect", "superblock").status == 9)
  }

  @Test func `inspection shows what lies in the files`() throws {
    let coppice = try Self.made()
    #expect(try coppice.json("inspect", "superblock")["pageByteCount"] as? Int == 8192)
    let catalogue = try coppice.json("inspect", "catalogue")
    let branches = try #require(catalogue["branches"] as? [[String: Any]])
    #expect(branches.first?["name"] as? String == "main")
    let root = try #require(branches.first?["rootName"] as? String)
    let node = try coppice.json("inspect", "node", root)
    #expect(node["kind"] as? String == "table")
    #expect((node["slots"] as? [Any])?.isEmpty == false)
    let segment = try coppice.json("inspect", "segment", "1", "--frames")
    #expect((segment["frames"] as? [Any])?.count ?? 0 > 300)
    #expect(try coppice.json("inspect", "journal")["files"] is [Any])
    #expect(try coppice("inspect", "node", "77").status == 64)
    #expect(try coppice("inspect", "segment", "99").status == 3)
  }
}
