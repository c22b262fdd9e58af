import CoppiceFormat
import TestSupport
import Testing

struct CatalogueTests {
  @Test func `a catalogue decodes to itself`() throws {
    let catalogue = SampleValues.catalogue
    #expect(try Catalogue.decode(catalogue.encode().span.bytes) == catalogue)
  }

  @Test func `ten thousand branches and segments decode to themselves, in little room`() throws {
    var random = SplitMix64(seed: 1)
    var catalogue = SampleValues.catalogue
    let root = SampleValues.root(1)
    catalogue.branches = (0..<10_000).map { index in
      BranchEntry(
        id: BranchID(UInt64(index) + 1), name: "tenant-\(index)", root: root,
        intervals: [Interval(writer: BranchID(1), from: LSN(5), through: LSN(random.next()))],
        createdAt: SampleValues.time + Int64(index))
    }
    catalogue.segments = (0..<10_000).map { index in
      SegmentEntry(
        id: SegmentID(UInt64(index) + 1), domain: .standard, flags: .closed,
        byteCount: 1 << 26 + UInt64(random.below(1 << 20)),
        frameCount: UInt32(random.below(20_000)))
    }
    let bytes = catalogue.encode()
    #expect(bytes.count < 600_000)
    #expect(try Catalogue.decode(bytes.span.bytes) == catalogue)
  }

  @Test func `a catalogue that compresses too well is stored as it is`() throws {
    var catalogue = SampleValues.catalogue
    catalogue.segments = Array(repeating: catalogue.segments[0], count: 100_000)
    let bytes = catalogue.encode()
    #expect(try Catalogue.decode(bytes.span.bytes) == catalogue)
  }

  @Test func `every byte of a catalogue is covered`() {
    let bytes = SampleValues.catalogue.encode()
    for index in bytes.indices {
      var damaged = bytes
      damaged[index] ^= 4
      #expect(throws: FormatError.self, "byte \(index)") {
        try Catalogue.decode(damaged.span.bytes)
      }
    }
    #expect(throws: FormatError.self) { try Catalogue.decode((bytes + [0]).span.bytes) }
  }

  @Test func `names are at most 401 bytes of UTF-8`() throws {
    var catalogue = SampleValues.catalogue
    catalogue.branches[0].name = String(repeating: "é", count: 200) + "x"
    #expect(try Catalogue.decode(catalogue.encode().span.bytes) == catalogue)
    let tooLong = [UInt8]([0x92, 0x01]) + [UInt8](repeating: 0x61, count: 402)
    #expect(throws: FormatError.outOfRange(what: "branch name", value: 402, limit: 401)) {
      try ControlRecord.decode(kind: .rename, tooLong.span.bytes)
    }
    let invalid: [UInt8] = [2, 0, 0xC3, 0x28, 0, 0, 0, 0]
    #expect(throws: FormatError.malformed(what: "branch name")) {
      try ControlRecord.decode(kind: .rename, invalid.span.bytes)
    }
  }
}
