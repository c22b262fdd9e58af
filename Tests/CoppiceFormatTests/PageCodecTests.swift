import CoppiceFormat
import TestSupport
import Testing

struct PageCodecTests {
  private let codec = PageCodec(pageByteCount: 8192)

  @Test(arguments: [4096, 8192, 16384, 32768, 65536])
  func `pages of every size decode to themselves, full and as deltas`(byteCount: Int) throws {
    var random = SplitMix64(seed: 1)
    let codec = PageCodec(pageByteCount: byteCount)
    for _ in 0..<20 {
      let base = SamplePages.heap(byteCount: byteCount, &random)
      let page = SamplePages.updated(base, &random)
      let (encoding, full) = Self.encodeFull(page, codec)
      #expect(encoding == .zstd && full.count < byteCount / 2)
      #expect(try Self.decode(full, .zstd, base: nil, codec) == page)
      let delta = try #require(Self.encodeDelta(page, base: base, codec))
      #expect(delta.count < 250)
      #expect(try Self.decode(delta, .zstdOnBase, base: base, codec) == page)
    }
  }

  @Test func `pages that share nothing and pages that share everything decode as deltas`() throws {
    var random = SplitMix64(seed: 2)
    let base = random.bytes(8192)
    let copy = base.map(\.self)
    for resemblance in [Resemblance.inPlace, .moved] {
      for page in [random.bytes(8192), base, [UInt8](repeating: 0, count: 8192)] {
        let delta = try #require(Self.encodeDelta(page, base: base, codec, resemblance))
        #expect(try Self.decode(delta, .zstdOnBase, base: base, codec) == page)
      }
      #expect(try #require(Self.encodeDelta(copy, base: base, codec, resemblance)).count < 32)
    }
  }

  @Test func `a page whose last part moved to its front is still a small delta`() throws {
    var random = SplitMix64(seed: 3)
    let base = random.bytes(65536)
    let codec = PageCodec(pageByteCount: 65536)
    let page = Array(base[32768...] + base[..<32768])
    let delta = try #require(Self.encodeDelta(page, base: base, codec, .moved))
    #expect(delta.count < 64)
    #expect(try Self.decode(delta, .zstdOnBase, base: base, codec) == page)
  }

  @Test func `what zstd makes smaller by less than an eighth is stored raw`() throws {
    var random = SplitMix64(seed: 4)
    let noise = random.bytes(8192)
    for (zeroCount, encoding) in [(0, FrameEncoding.raw), (900, .raw), (1500, .zstd)] {
      var page = noise
      page.replaceSubrange(0..<zeroCount, with: [UInt8](repeating: 0, count: zeroCount))
      let stored = Self.encodeFull(page, codec)
      #expect(stored.0 == encoding)
      #expect(stored.1.count <= 8192)
      #expect(try Self.decode(stored.1, stored.0, base: nil, codec) == page)
    }
  }

  @Test func `a delta that does not fit its buffer is none, and the codec goes on`() throws {
    var random = SplitMix64(seed: 5)
    let base = SamplePages.heap(&random)
    let page = SamplePages.updated(base, &random)
    let delta = try #require(Self.encodeDelta(page, base: base, codec))
    #expect(Self.encodeDelta(page, base: base, codec, byteCountMax: delta.count - 1) == nil)
    #expect(Self.encodeDelta(random.bytes(8192), base: base, codec, byteCountMax: 2048) == nil)
    #expect(Self.encodeDelta(page, base: base, codec) == delta)
    #expect(Self.encodeDelta(page, base: base, codec, byteCountMax: delta.count + 64) == delta)
  }

  @Test func `bytes that are no page of this size are refused, and the codec goes on`() throws {
    var random = SplitMix64(seed: 6)
    let page = SamplePages.heap(&random)
    let (_, full) = Self.encodeFull(page, codec)
    let half = PageCodec(pageByteCount: 4096)
    let (_, short) = Self.encodeFull(Array(page.prefix(4096)), half)
    let long = Self.encodeFull(page + page, PageCodec(pageByteCount: 16384)).1
    for stored in [short, long, short + short + short, [], Array(full.dropLast()), full + [0]] {
      #expect(throws: FormatError.self) { try Self.decode(stored, .zstd, base: nil, codec) }
    }
    #expect(throws: FormatError.truncated(what: "raw page", needed: 8192, available: 8191)) {
      try Self.decode(random.bytes(8191), .raw, base: nil, codec)
    }
    #expect(throws: FormatError.baseNeeded(what: "page")) {
      try Self.decode(full, .zstdOnBase, base: nil, codec)
    }
    #expect(throws: FormatError.outOfRange(what: "page encoding", value: 3, limit: 2)) {
      try Self.decode(full, .columns, base: nil, codec)
    }
    #expect(try Self.decode(full, .zstd, base: nil, codec) == page)
  }

  @Test func `a delta on another base gives other bytes or an error, never more`() throws {
    var random = SplitMix64(seed: 7)
    let base = SamplePages.heap(&random)
    let page = SamplePages.updated(base, &random)
    let delta = try #require(Self.encodeDelta(page, base: base, codec))
    let other = SamplePages.heap(&random)
    let decoded = try? Self.decode(delta, .zstdOnBase, base: other, codec)
    #expect(decoded != page)
    // A base is for one call only.
    #expect((try? Self.decode(delta, .zstd, base: nil, codec)) != page)
  }

  @Test(arguments: [4096, 8192, 16384, 32768, 65536])
  func `pages whose rows moved are small deltas`(byteCount: Int) throws {
    var random = SplitMix64(seed: 8)
    let codec = PageCodec(pageByteCount: byteCount)
    for _ in 0..<20 {
      let base = SamplePages.heap(byteCount: byteCount, &random)
      let page = SamplePages.compacted(base, &random)
      let delta = try #require(Self.encodeDelta(page, base: base, codec, .moved))
      #expect(delta.count < byteCount / 64)
      #expect(try Self.decode(delta, .zstdOnBase, base: base, codec) == page)
    }
  }

  private static func encodeFull(
    _ page: [UInt8], _ codec: PageCodec
  ) -> (FrameEncoding, [UInt8]) {
    var output = [UInt8](repeating: 0xEE, count: codec.outputByteCountMax)
    let (encoding, count) = output.withUnsafeMutableBytes { output in
      page.withUnsafeBytes { codec.encodeFull($0, into: output) }
    }
    return (encoding, Array(output.prefix(count)))
  }

  private static func encodeDelta(
    _ page: [UInt8], base: [UInt8], _ codec: PageCodec, _ resemblance: Resemblance = .inPlace,
    byteCountMax: Int? = nil
  ) -> [UInt8]? {
    var output = [UInt8](repeating: 0xEE, count: byteCountMax ?? codec.outputByteCountMax)
    let count = output.withUnsafeMutableBytes { output in
      page.withUnsafeBytes { page in
        base.withUnsafeBytes { codec.encodeDelta(page, base: $0, resemblance, into: output) }
      }
    }
    return count.map { Array(output.prefix($0)) }
  }

  private static func decode(
    _ stored: [UInt8], _ encoding: FrameEncoding, base: [UInt8]?, _ codec: PageCodec
  ) throws -> [UInt8] {
    var page = [UInt8](repeating: 0xEE, count: codec.pageByteCount)
    try page.withUnsafeMutableBytes { page in
      try stored.withUnsafeBytes { stored in
        guard let base else {
          return try codec.decode(stored, encoding: encoding, base: nil, into: page)
        }
        try base.withUnsafeBytes {
          try codec.decode(stored, encoding: encoding, base: $0, into: page)
        }
      }
    }
    return page
  }
}
