import CoppicePostgreSQL
import Testing

/// Files of the log, and what tells where a backup's log ends.
@Suite struct LogSegmentTests {
  private static let byteCount = 16 << 20

  @Test(arguments: [
    ("0/0", UInt64(0)), ("0/16EF458", 0x16E_F458), ("1A/2B", 0x1A_0000_002B),
    ("FFFFFFFF/FFFFFFFF", .max),
  ])
  func `a position is read as it is written`(_ text: String, _ offset: UInt64) {
    #expect(WALPosition(text)?.byteOffset == offset)
    #expect(WALPosition(offset).description == text)
  }

  @Test(arguments: [
    "", "/", "0", "0/", "/0", "0/0/0", "g/0", "100000000/0", "0/ 1", "-1/0", "+1/0",
  ])
  func `other texts are no position`(_ text: String) { #expect(WALPosition(text) == nil) }

  @Test func `segments are called as servers call them`() throws {
    func name(_ position: String, _ timeline: UInt32, _ byteCount: Int = Self.byteCount) throws
      -> String
    {
      LogSegment(
        containing: try #require(WALPosition(position)), timeline: timeline, byteCount: byteCount
      ).name
    }
    #expect(try name("0/0", 1) == "000000010000000000000000")
    #expect(try name("0/16EF458", 1) == "000000010000000000000001")
    #expect(try name("0/FFFFFFFF", 1) == "0000000100000000000000FF")
    #expect(try name("1/0", 0xAB) == "000000AB0000000100000000")
    #expect(try name("12/34567890", 2, 1 << 20) == "000000020000001200000345")
    #expect(try name("12/F4567890", 2, 1 << 30) == "000000020000001200000003")
    #expect(try name("FFFFFFFF/FFFFFFFF", .max) == "FFFFFFFFFFFFFFFF000000FF")
  }

  @Test func `before each but the first comes another`() throws {
    let first = LogSegment(containing: WALPosition(5), timeline: 3, byteCount: Self.byteCount)
    #expect(first.previous == nil)
    let later = LogSegment(
      containing: WALPosition(1 << 32), timeline: 3, byteCount: Self.byteCount)
    #expect(later.previous?.name == "0000000300000000000000FF")
  }

  @Test func `received files get the names that recovery looks for`() {
    let segment = "000000010000000000000002"
    #expect(LogSegment.finishedName(segment) == segment)
    #expect(LogSegment.finishedName("\(segment).partial") == segment)
    #expect(LogSegment.finishedName("00000002.history") == "00000002.history")
    for other in [
      "", "x", ".partial", ".history", "\(segment).gz", "\(segment)0", "archive_status",
      "00000001000000000000000G", "0001.history", "\(segment).history",
      "00000002.history.partial.partial",
    ] { #expect(LogSegment.finishedName(other) == nil, "\(other)") }
  }

  @Test func `a backup's first file tells where its log begins`() {
    func start(_ text: String) -> BackupStart? { BackupStart(in: Array(text.utf8)) }
    let words =
      "backup_label\0\0ustar\0START WAL LOCATION: A/2000028 (file 0000001F0000000A00000002)\n"
    let found = start(words + "CHECKPOINT LOCATION: 0/12000060\n")
    #expect(found?.position.description == "A/2000028" && found?.timeline == 0x1F)
    // It comes in pieces.
    for count in 0..<words.utf8.count { #expect(start(String(words.prefix(count))) == nil) }
    for bad in [
      "START WAL LOCATION: x (file 0000001F0000000A00000002)\n",
      "START WAL LOCATION: 0/1 (file x)\n", "START WAL LOCATION: 0/1\n",
    ] { #expect(start(bad) == nil, "\(bad)") }
  }

  @Test func `a manifest tells the end of the last of its timelines`() {
    func end(_ text: String) -> String? {
      BackupManifest.end(inTail: Array(text.utf8))?.description
    }
    let ranges = """
      "WAL-Ranges": [
      { "Timeline": 2, "Start-LSN": "0/3000028", "End-LSN": "0/3000100" },
      { "Timeline": 1, "Start-LSN": "0/2000028", "End-LSN": "0/3000028" }
      ], "Manifest-Checksum": "ab"}
      """
    #expect(end(ranges) == "0/3000100")
    #expect(end("{ \"End-LSN\": \"A/10\" }") == "A/10")
    for bad in [
      "", "{}", "\"End-LSN\":", "\"End-LSN\": \"", "\"End-LSN\": \"x\"", "\"End-LSN\": 7",
    ] {
      #expect(end(bad) == nil, "\(bad)")
    }
  }
}
