import CoppiceFormat
import TestSupport
import Testing

/// Names, headers and boxes of a pool's objects.
@Suite struct PoolTests {
  @Test func `objects have the keys that the format says, and no others`() {
    #expect(
      SamplePool.names.map(\.key) == [
        "pool", "members/0123456789abcdefefcdab8967452301",
        "members/07000000000000000800000000000000", "segments/01/00000001",
        "segments/ab/123456ab", "segments/ff/ffffffff", "retired/1",
        "retired/18446744073709551615",
      ])
    for name in SamplePool.names { #expect(PoolObjectName(key: name.key) == name) }
    for key in [
      "", "Pool", "pool/", "/pool", "members/", "members/0123456789ABCDEFefcdab8967452301",
      "members/0123456789abcdefefcdab896745230", "members/0123456789abcdefefcdab89674523011",
      "segments/00000001", "segments/02/00000001", "segments/00/00000000", "segments/01/000000001",
      "segments/AB/123456AB", "retired/", "retired/0", "retired/01", "retired/+1", "retired/-1",
      "retired/18446744073709551616", "hot/1", "log/1/1/1", "é",
    ] {
      #expect(PoolObjectName(key: key) == nil, "\(key)")
    }
  }

  @Test func `a header decodes to itself, and says which object it is of`() throws {
    for (name, header) in zip(SamplePool.names, SamplePool.headers) {
      let bytes = header.encode()
      #expect(bytes.count == PoolObjectHeader.byteCount)
      #expect(try PoolObjectHeader.decode(bytes.span.bytes) == header)
      for other in SamplePool.names { #expect(header.isHeader(of: other) == (other == name)) }
    }
  }

  @Test func `headers of newer versions are told from damaged ones`() {
    let bytes = SamplePool.headers[3].encode()
    func changed(_ offset: Int, _ value: UInt8) -> [UInt8] {
      var changed = bytes
      changed[offset] = value
      return changed.sealed(checksumAt: 88)
    }
    for (offset, value, error) in [
      (4, 2, FormatError.unsupportedVersion(what: "pool object header", found: 2)),
      (6, 5, .unsupported(what: "kind of a pool's object", found: 5)),
      (7, 1, .unknownFlags(what: "pool object header", bits: 1)),
      (36, 17, .unsupported(what: "box shift", found: 17)),
      (38, 1, .malformed(what: "pool object header")),
      (87, 1, .malformed(what: "pool object header")),
      (43, 4, .outOfRange(what: "content byte count", value: 4 << 24 + 210_000, limit: 64 << 20)),
      (0, 0, .badMagic(what: "pool object header", found: 0x6F_50_70_00)),
    ] as [(Int, UInt8, FormatError)] {
      #expect(throws: error) {
        try PoolObjectHeader.decode(changed(offset, value).span.bytes)
      }
    }
  }

  @Test(arguments: [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000])
  func `boxes cover the content, one behind the other`(byteCount: Int) {
    let boxes = PoolBoxes(contentByteCount: byteCount)
    #expect(boxes.count == max(1, (byteCount + 65_535) / 65_536))
    #expect(boxes.objectByteCount == 96 + byteCount + 16 * boxes.count)
    var (content, place) = (0, 96)
    for box in 0..<boxes.count {
      #expect(boxes.storedRange(of: box..<box + 1).lowerBound == 96 + box * 65_552)
      #expect(boxes.storedRange(of: box..<box + 1).lowerBound == place)
      #expect(boxes.contentRange(of: box..<box + 1).lowerBound == content)
      content = boxes.contentRange(of: box..<box + 1).upperBound
      place = boxes.storedRange(of: box..<box + 1).upperBound
    }
    #expect(content == byteCount && place == boxes.objectByteCount)
    var random = SplitMix64(seed: UInt64(byteCount))
    for _ in 0..<50 {
      let start = random.below(byteCount + 1)
      let end = start + random.below(byteCount - start + 1)
      let covering = boxes.boxes(covering: start..<end)
      let range = boxes.contentRange(of: covering)
      #expect(start == end || range.lowerBound <= start && end <= range.upperBound)
      #expect(range.count < end - start + 2 * PoolBoxes.boxByteCount)
    }
  }

  @Test func `nonce, key and authenticated data are the bytes that the format says`() {
    #expect(PoolBoxes.nonce(ofBox: 258) == [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    let header = SamplePool.headers[4]
    #expect(
      header.keyInfo == Array("coppice pool 1".utf8) + [3]
        + [0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0, 0xFF, 0xEE, 0xDD, 0xCC, 0xBB, 0xAA, 0x99]
        + [0x88, 0xAB, 0x56, 0x34, 0x12, 0, 0, 0, 0])
    let last = header.boxes.count - 1
    #expect(last == 4)
    #expect(
      header.authenticatedData(ofBox: last) == header.encode() + [4, 0, 0, 0, 0, 0, 0, 0, 1])
    #expect(header.authenticatedData(ofBox: 0) == header.encode() + [0, 0, 0, 0, 0, 0, 0, 0, 0])
    let wrapper = PoolWrapper.keyInfo(PoolWrapperID(3), pool: SamplePool.id)
    #expect(wrapper.starts(with: "coppice pool wrapper 1".utf8) && wrapper.count == 42)
    let key = SamplePool.keyTable.keys[0]
    #expect(key.keyInfo(pool: SamplePool.id).count == 38)
    #expect(Array(key.authenticatedData(pool: SamplePool.id)[20..<24]) == [255, 255, 255, 255])
  }
}
