import CoppiceFormat
import TestSupport
import Testing

@Suite struct PoolSegmentIndexTests {
  private static let index = SamplePool.index

  /// Decodes the index of a segment.
  private func decode(_ segment: [UInt8]) throws -> (PoolSegmentFooter, PoolSegmentIndex) {
    let start = max(0, segment.count - PoolSegmentFooter.byteCount)
    let footer = try PoolSegmentFooter.decode(
      segment.span.bytes.extracting(start..<segment.count), segmentByteCount: segment.count)
    let stored = segment.span.bytes.extracting(footer.indexRange)
    return (footer, try PoolSegmentIndex.decode(stored, footer))
  }

  @Test func `an index decodes to itself behind whatever lies before it`() throws {
    for offset in [0, 1, 70_000] {
      let segment = [UInt8](repeating: 7, count: offset) + Self.index.encode(at: offset)
      let (footer, decoded) = try decode(segment)
      #expect(decoded == Self.index)
      #expect(Int(footer.indexOffset) == offset && footer.frameCount == 88)
      #expect(Int(footer.frameCount) == decoded.frameCount)
    }
    let entry = Self.index.bundles[1].directory.entries[3]
    let hash = Self.index.bundles[1].hash(ofFrame: 3)
    #expect(hash.low == entry.hashPrefix && hash.high == Self.index.bundles[1].hashSuffixes[3])
    #expect(try decode(PoolSegmentIndex().encode(at: 0)).1 == PoolSegmentIndex())
  }

  @Test func `every flipped bit and every cut is found`() {
    let segment = Self.index.encode(at: 0)
    for position in segment.indices {
      var damaged = segment
      damaged[position] ^= 1 << UInt8(position % 8)
      #expect(throws: FormatError.self, "byte \(position)") { try decode(damaged) }
    }
    for count in 0..<segment.count {
      #expect(throws: FormatError.self, "\(count) bytes") {
        try decode(Array(segment.prefix(count)))
      }
    }
  }

  @Test func `an index takes about eighteen bytes a frame`() {
    var random = SplitMix64(seed: 3)
    let bundles = (0..<50).map { number in
      let entries = (0..<330).map { index in
        BundleDirectoryEntry(
          hashPrefix: random.next(), storedByteCount: 2000 + random.below(2500),
          form: FrameForm(.page, .zstd), volume: VolumeNumber(5), page: PageNumber(UInt64(index)))
      }
      return PoolSegmentIndex.Bundle(
        offset: UInt32(number << 20), firstOrdinal: UInt32(330 * number), lsn: LSN(1),
        hasHomeNames: false, directory: BundleDirectory(entries: entries),
        hashSuffixes: entries.map { _ in random.next() })
    }
    let bytes = PoolSegmentIndex(bundles: bundles).encode(at: 0)
    #expect(bytes.count < 18 * 330 * 50 + 1000)
  }

  @Test func `frames that the footer does not count are refused`() throws {
    let segment = Self.index.encode(at: 0)
    let (footer, _) = try decode(segment)
    let stored = Array(segment[footer.indexRange])
    for (raw, count) in [
      (footer.indexRawByteCount, footer.frameCount + 1),
      (footer.indexRawByteCount, footer.frameCount - 1), (footer.indexRawByteCount, .max),
      (footer.indexRawByteCount, 0), (footer.indexRawByteCount + 1, footer.frameCount),
      (footer.indexRawByteCount - 1, footer.frameCount), (.max, footer.frameCount),
      (0, footer.frameCount),
    ] {
      let other = PoolSegmentFooter(
        indexOffset: 0, indexByteCount: footer.indexByteCount, indexRawByteCount: raw,
        frameCount: count)
      let bytes = stored + other.encode(index: stored.span.bytes)
      #expect(throws: FormatError.self, "\(raw) \(count)") { try decode(bytes) }
    }
  }
}
