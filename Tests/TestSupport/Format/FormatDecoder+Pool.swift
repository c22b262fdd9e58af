internal import CoppiceFormat

// What a pool's objects hold: decode, encode, decode.
extension FormatDecoder {
  static let pool: [FormatDecoder] = [
    poolObjectHeader, poolObjectName, poolKeyTable, poolHead, poolMember, poolRetiredTable,
    poolSegmentIndex, poolNotes,
  ]

  static let poolObjectHeader = FormatDecoder(
    name: "pool-object-header", samples: SamplePool.headers.map { $0.encode() },
    reseal: resealing(at: 88, byteCount: PoolObjectHeader.byteCount)
  ) { (bytes) throws(FormatError) in
    let value = try PoolObjectHeader.decode(bytes.bytes)
    expectEqual(try PoolObjectHeader.decode(value.encode().span.bytes), value)
    let boxes = value.boxes
    precondition(boxes.storedRange(of: 0..<boxes.count).upperBound == boxes.objectByteCount)
    precondition(boxes.contentRange(of: 0..<boxes.count) == 0..<value.contentByteCount)
  }

  /// Input: a key in UTF-8.
  static let poolObjectName = FormatDecoder(
    name: "pool-object-name", samples: SamplePool.names.map { Array($0.key.utf8) }
  ) { (bytes) throws(FormatError) in
    let key = String(decoding: bytes, as: UTF8.self)
    guard let name = PoolObjectName(key: key) else {
      throw .malformed(what: "name of a pool's object")
    }
    expectEqual(name.key, key)
  }

  static let poolKeyTable = FormatDecoder(
    name: "pool-key-table", samples: [SamplePool.keyTable.encode(), PoolKeyTable().encode()],
    reseal: resealing(at: 8)
  ) { (bytes) throws(FormatError) in
    let value = try PoolKeyTable.decode(bytes.bytes)
    expectEqual(try PoolKeyTable.decode(value.encode().span.bytes), value)
  }

  static let poolHead = FormatDecoder(
    name: "pool-head",
    samples: [
      SamplePool.head.encode(),
      PoolHead(
        revision: PoolRevision(nonce: SamplePool.nonce(4)), pageShift: 16,
        secret: SampleValues.secret.bytes, place: ""
      ).encode(),
    ],
    reseal: resealing(at: 16)
  ) { (bytes) throws(FormatError) in
    let value = try PoolHead.decode(bytes.bytes)
    expectEqual(try PoolHead.decode(value.encode().span.bytes), value)
  }

  static let poolMember = FormatDecoder(
    name: "pool-member",
    samples: [
      SamplePool.poolMember.encode(),
      PoolMember(
        revision: PoolRevision(nonce: SamplePool.nonce(5)), id: SamplePool.endedMember,
        number: PoolMemberNumber(1), state: .ended
      ).encode(),
    ],
    reseal: resealing(at: 16)
  ) { (bytes) throws(FormatError) in
    let value = try PoolMember.decode(bytes.bytes)
    expectEqual(try PoolMember.decode(value.encode().span.bytes), value)
  }

  static let poolRetiredTable = FormatDecoder(
    name: "pool-retired-table",
    samples: [SamplePool.retiredTable.encode(), PoolRetiredTable(cycle: 1).encode()],
    reseal: resealing(at: 16)
  ) { (bytes) throws(FormatError) in
    let value = try PoolRetiredTable.decode(bytes.bytes)
    expectEqual(try PoolRetiredTable.decode(value.encode().span.bytes), value)
  }

  static let poolNotes = FormatDecoder(
    name: "pool-notes",
    samples: [SamplePool.notes.encode(), SamplePool.restartedNotes.encode()],
    reseal: resealing(at: 16)
  ) { (bytes) throws(FormatError) in
    let value = try PoolNotes.decode(bytes.bytes)
    expectEqual(try PoolNotes.decode(value.encode().span.bytes), value)
  }

  /// Input: index and footer, as if nothing lay before them.
  static let poolSegmentIndex = FormatDecoder(
    name: "pool-segment-index",
    samples: [SamplePool.index.encode(at: 0), PoolSegmentIndex().encode(at: 0)],
    reseal: { bytes in
      let end = bytes.count - PoolSegmentFooter.byteCount
      guard end >= 0 else { return }
      bytes.withUnsafeMutableBytes { bytes in
        let all = UnsafeRawBufferPointer(bytes)
        let fields = UnsafeRawBufferPointer(rebasing: all[end..<end + 24])
        let index = UnsafeRawBufferPointer(rebasing: all[..<end])
        let checksum = checksum64(index, seed: checksum64(fields))
        bytes.storeBytes(of: checksum.littleEndian, toByteOffset: end + 24, as: UInt64.self)
      }
    },
    decode: { (bytes) throws(FormatError) in
      let end = max(0, bytes.count - PoolSegmentFooter.byteCount)
      let footer = try PoolSegmentFooter.decode(
        UnsafeRawBufferPointer(rebasing: bytes[end...]).bytes, segmentByteCount: bytes.count)
      guard footer.indexOffset == 0 else { throw .malformed(what: "index of a pool's segment") }
      let index = UnsafeRawBufferPointer(rebasing: bytes[footer.indexRange])
      let value = try PoolSegmentIndex.decode(index.bytes, footer)
      let again = value.encode(at: 0)
      let split = again.count - PoolSegmentFooter.byteCount
      let footerAgain = try PoolSegmentFooter.decode(
        again.span.bytes.extracting(split..<again.count), segmentByteCount: again.count)
      expectEqual(
        try PoolSegmentIndex.decode(again.span.bytes.extracting(0..<split), footerAgain), value)
    })
}
