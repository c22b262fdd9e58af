internal import CoppiceFormat

// Headers and values: decode, encode, decode.
extension FormatDecoder {
  static let superblock = FormatDecoder(
    name: "superblock", samples: [SampleValues.superblock.encode()],
    reseal: resealing(at: 4088, byteCount: 4096)
  ) { (bytes) throws(FormatError) in
    let value = try Superblock.decode(bytes.bytes)
    expectEqual(try Superblock.decode(value.encode().span.bytes), value)
  }

  static let segmentHeader = FormatDecoder(
    name: "segment-header", samples: [SampleValues.segmentHeader.encode()],
    reseal: resealing(at: 56, byteCount: 64)
  ) { (bytes) throws(FormatError) in
    let value = try SegmentHeader.decode(bytes.bytes)
    expectEqual(try SegmentHeader.decode(value.encode().span.bytes), value)
  }

  static let journalFileHeader = FormatDecoder(
    name: "journal-file-header",
    samples: [
      encoded(byteCount: JournalFileHeader.byteCount) {
        SampleValues.journalFileHeader.encode(into: $0)
      }
    ],
    reseal: resealing(at: 4088, byteCount: 4096)
  ) { (bytes) throws(FormatError) in
    let value = try JournalFileHeader.decode(bytes.bytes)
    let again = encoded(byteCount: JournalFileHeader.byteCount) { value.encode(into: $0) }
    expectEqual(try JournalFileHeader.decode(again.span.bytes), value)
  }

  static let note = FormatDecoder(
    name: "note", samples: [SampleValues.note.encode()], reseal: resealing(at: 64)
  ) { (bytes) throws(FormatError) in
    let value = try NoteFrame.decode(bytes.bytes)
    expectEqual(try NoteFrame.decode(value.encode().span.bytes), value)
  }

  static let catalogue = FormatDecoder(
    name: "catalogue",
    samples: [
      SampleValues.catalogue.encode(),
      Catalogue(lsn: .zero, time: 0, nextBranch: 1, nextVolume: 1, nextSegment: 1).encode(),
    ],
    reseal: resealing(at: 72)
  ) { (bytes) throws(FormatError) in
    let value = try Catalogue.decode(bytes.bytes)
    expectEqual(try Catalogue.decode(value.encode().span.bytes), value)
  }

  static let domainSetting = FormatDecoder(
    name: "domain-setting", samples: SampleValues.domainSettings.map { $0.encode() }
  ) { (bytes) throws(FormatError) in
    let value = try DomainSetting.decode(bytes.bytes)
    expectEqual(try DomainSetting.decode(value.encode().span.bytes), value)
  }

  /// Input: kind u8, payload.
  static let controlRecord = FormatDecoder(
    name: "control-record",
    samples: SampleValues.controlRecords.map { [$0.kind.rawValue] + $0.encode() }
  ) { (bytes) throws(FormatError) in
    guard let first = bytes.first, let kind = RecordKind(rawValue: first) else { return }
    let value = try ControlRecord.decode(
      kind: kind, UnsafeRawBufferPointer(rebasing: bytes[1...]).bytes)
    expectEqual(value.kind, kind)
    expectEqual(try ControlRecord.decode(kind: kind, value.encode().span.bytes), value)
  }

  static let ref = FormatDecoder(
    name: "ref",
    samples: [SampleBatch.bytes(of: SampleValues.root(1)), SampleBatch.bytes(of: .hole)]
  ) { (bytes) throws(FormatError) in
    let value = try Ref(decoding: bytes)
    let again = SampleBatch.bytes(of: value)
    precondition(bytes.prefix(Ref.byteCount).elementsEqual(again))
  }

  /// Traps unless what was encoded and decoded again is the same.
  static func expectEqual<Value: Equatable>(_ again: Value, _ value: Value) {
    precondition(again == value)
  }

  /// `byteCount` bytes that start as zero and are then what `encode` makes them.
  public static func encoded(
    byteCount: Int, _ encode: (UnsafeMutableRawBufferPointer) -> Void
  ) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: byteCount)
    bytes.withUnsafeMutableBytes { encode($0) }
    return bytes
  }
}
