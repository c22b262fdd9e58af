import CoppicePostgreSQL
import TestSupport
import Testing

/// Records of a write-ahead log, laid out by hand.
@Suite struct LogScanTests {
  private func scan(_ pages: some Sequence<[UInt8]>) throws -> LogScan {
    var scan = LogScan()
    for page in pages { scan.read(page, try #require(LogPage(page))) }
    return scan
  }

  @Test func `images are counted, over ends of pages too`() throws {
    let records = [
      SampleLog.record(image: nil, dataByteCount: 13),
      SampleLog.record(image: 8000, dataByteCount: 5),
      SampleLog.record(image: 3001, dataByteCount: 0, isCompressed: true),
      SampleLog.record(image: nil, dataByteCount: 40_000),
      SampleLog.record(image: 17, dataByteCount: 1),
    ]
    let pages = SampleLog.pages(records)
    #expect(pages.count > 5)
    let scan = try scan(pages)
    #expect(scan.imageCount == 3 && scan.imageByteCount == 11018)
    #expect(scan.recordByteCount == UInt64(records.reduce(0) { $0 + $1.count }))
  }

  @Test func `a log that begins in a record, or has a gap, is read from the next one on`() throws {
    let records = [
      SampleLog.record(image: 8000, dataByteCount: 9000),
      SampleLog.record(image: 100, dataByteCount: 3),
      SampleLog.record(image: nil, dataByteCount: 20_000),
      SampleLog.record(image: 200, dataByteCount: 3),
    ]
    let pages = SampleLog.pages(records)
    #expect(try scan(pages.dropFirst()).imageByteCount == 300)
    var gap = pages
    gap.remove(at: pages.count - 2)
    let scan = try scan(gap)
    #expect(scan.imageByteCount == 8300 && scan.imageCount == 3)
    #expect(scan.recordByteCount < UInt64(records.reduce(0) { $0 + $1.count }))
  }

  @Test func `pages say where they lie, and zeros nothing`() throws {
    let pages = SampleLog.pages([SampleLog.record(image: nil, dataByteCount: 1)], from: 5 << 24)
    let page = try #require(LogPage(pages[0]))
    #expect(page.position == WALPosition(5 << 24))
    #expect(LogPage([UInt8](repeating: 0, count: 8192)) == nil && LogPage([]) == nil)
  }

  @Test func `names of the log's files are read`() throws {
    let segment = try #require(LogSegment("000000020000000A000000FF", byteCount: 16 << 20))
    #expect(segment.timeline == 2 && segment.number == 0xAFF)
    #expect(segment.name == "000000020000000A000000FF")
    #expect(segment.start == WALPosition("A/FF000000"))
    #expect(LogSegment("000000020000000A00000100", byteCount: 16 << 20) == nil)
    for name in ["", "00000002.history", "000000020000000A000000FF.partial", "archive_status"] {
      #expect(LogSegment(name, byteCount: 16 << 20) == nil)
    }
  }
}
