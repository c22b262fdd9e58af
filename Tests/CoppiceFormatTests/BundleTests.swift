import CoppiceFormat
import TestSupport
import Testing

struct BundleTests {
  @Test func `a segment header decodes to itself`() throws {
    let bytes = SampleValues.segmentHeader.encode()
    #expect(bytes.count == SegmentHeader.byteCount)
    #expect(try SegmentHeader.decode(bytes.span.bytes) == SampleValues.segmentHeader)
  }

  @Test(arguments: [false, true])
  func `a directory decodes to itself`(hasHomeNames: Bool) throws {
    let directory = SampleValues.directory(hasHomeNames: hasHomeNames)
    let (bytes, rawByteCount) = directory.encode(hasHomeNames: hasHomeNames)
    let decoded = try BundleDirectory.decode(
      bytes.span.bytes, rawByteCount: rawByteCount, frameCount: directory.entries.count,
      hasHomeNames: hasHomeNames)
    #expect(decoded == directory)
  }

  @Test func `extreme and repeated entries decode to themselves`() throws {
    let greatest = FrameName(segment: .localMax, ordinal: 0xFF_FFFF)
    let extreme = BundleDirectoryEntry(
      hashPrefix: .max, storedByteCount: 0xFF_FFFF, form: FrameForm(.page, .zstdOnBase),
      volume: VolumeNumber(1 << 40 - 1), page: PageNumber(1 << 40 - 1),
      base: greatest, home: greatest)
    let least = BundleDirectoryEntry(
      hashPrefix: 0, storedByteCount: 1, form: FrameForm(.page, .raw), volume: VolumeNumber(0),
      page: PageNumber(0), home: FrameName(rawValue: 1 << 24))
    for entries in [
      [], [extreme], [extreme, least, extreme], Array(repeating: least, count: 10_000),
    ] {
      let directory = BundleDirectory(entries: entries)
      let (bytes, rawByteCount) = directory.encode(hasHomeNames: true)
      #expect(
        try BundleDirectory.decode(
          bytes.span.bytes, rawByteCount: rawByteCount, frameCount: entries.count,
          hasHomeNames: true) == directory)
    }
  }

  @Test func `a directory takes about ten bytes a frame`() {
    var random = SplitMix64(seed: 3)
    let entries = (0..<330).map { index in
      BundleDirectoryEntry(
        hashPrefix: random.next(), storedByteCount: 2000 + random.below(2500),
        form: FrameForm(.page, .zstd), volume: VolumeNumber(5 + UInt64(index) / 150),
        page: PageNumber(UInt64(index)))
    }
    let (bytes, _) = BundleDirectory(entries: entries).encode(hasHomeNames: false)
    #expect(bytes.count <= 10 * entries.count)
  }

  @Test func `a directory that its header does not describe is refused`() throws {
    let directory = SampleValues.directory(hasHomeNames: true)
    let count = directory.entries.count
    let (bytes, rawByteCount) = directory.encode(hasHomeNames: true)
    for (raw, frames, hasHomeNames) in [
      (rawByteCount + 1, count, true), (rawByteCount - 1, count, true),
      (rawByteCount, count + 1, true), (rawByteCount, count - 1, true),
      (rawByteCount, count, false), (-1, count, true), (rawByteCount, -1, true),
      (.max, count, true), (.min, count, true), (rawByteCount, .max, true),
      (rawByteCount, 1 << 24, true), (0, 0, true),
    ] {
      #expect(throws: FormatError.self) {
        try BundleDirectory.decode(
          bytes.span.bytes, rawByteCount: raw, frameCount: frames, hasHomeNames: hasHomeNames)
      }
    }
  }

  @Test func `a bundle's checksum covers its header and its directory`() throws {
    let directory = [UInt8](0..<100)
    let header = BundleHeader(
      segment: SegmentID(3), firstOrdinal: 7, frameCount: 2, directoryByteCount: 100,
      directoryRawByteCount: 120, framesByteCount: 5000, lsn: LSN(9), hasHomeNames: true)
    #expect(header.bundleByteCount == 5164 && header.directoryOffset == 5064)
    let block = FormatDecoder.encoded(byteCount: 64) { block in
      directory.withUnsafeBytes { header.encode(into: block, directory: $0) }
    }
    let decoded = try BundleHeader.decode(block.span.bytes)
    try decoded.verify(directory: directory.span.bytes)
    #expect(decoded.segment == header.segment && decoded.hasHomeNames && decoded.lsn == LSN(9))
    var damaged = directory
    damaged[50] ^= 1
    #expect(throws: FormatError.checksum(what: "bundle")) {
      try decoded.verify(directory: damaged.span.bytes)
    }
    #expect(throws: FormatError.checksum(what: "bundle")) {
      try decoded.verify(directory: directory.span.bytes.extracting(0..<99))
    }
    for index in block.indices {
      var flipped = block
      flipped[index] ^= 2
      #expect(throws: FormatError.self, "byte \(index)") {
        try BundleHeader.decode(flipped.span.bytes).verify(directory: directory.span.bytes)
      }
    }
  }

  @Test func `a bundle's limits are checked before anything is read`() {
    let header = BundleHeader(
      segment: SegmentID(3), firstOrdinal: 7, frameCount: 1 << 24, directoryByteCount: 0,
      directoryRawByteCount: 0, framesByteCount: 0, lsn: .zero, hasHomeNames: false)
    let block = FormatDecoder.encoded(byteCount: 64) { block in
      header.encode(into: block, directory: UnsafeRawBufferPointer(start: nil, count: 0))
    }
    #expect(throws: FormatError.outOfRange(what: "ordinal", value: 1 << 24 + 7, limit: 1 << 24)) {
      try BundleHeader.decode(block.span.bytes)
    }
  }

  @Test func `a note decodes to itself`() throws {
    #expect(try NoteFrame.decode(SampleValues.note.encode().span.bytes) == SampleValues.note)
  }
}
