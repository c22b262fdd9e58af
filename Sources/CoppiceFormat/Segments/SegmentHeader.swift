/// The first 64 bytes of a segment file. Bundles follow without gaps.
///
///     0  magic "CpSg"   version u16   flags u16
///     8  uuid[16]              the store's
///     24 segment u64
///     32 reserved[12]          for a dictionary's name u64 and an encryption key's id u32
///     44 domain u32
///     48 reserved[8]
///     56 xxh3 u64
public struct SegmentHeader: Hashable, Sendable {
  public static let byteCount = 64
  static let prefix = BlockPrefix(what: "segment header", magic: "CpSg", version: 1)

  public var uuid: StoreUUID
  public var segment: SegmentID
  public var domain: DomainID

  public init(uuid: StoreUUID, segment: SegmentID, domain: DomainID) {
    self.uuid = uuid
    self.segment = segment
    self.domain = domain
  }

  /// Writes `byteCount` bytes to the start of `bytes`.
  public func encode(into bytes: UnsafeMutableRawBufferPointer) {
    let block = UnsafeMutableRawBufferPointer(rebasing: bytes[..<Self.byteCount])
    block.initializeMemory(as: UInt8.self, repeating: 0)
    Self.prefix.store(to: block)
    uuid.store(to: block, at: 8)
    block.store(integer: segment.rawValue, at: 24)
    block.store(integer: domain.rawValue, at: 44)
    BlockChecksum.seal(block, at: Self.checksumOffset)
  }

  /// The header's bytes.
  public func encode() -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Self.byteCount)
    bytes.withUnsafeMutableBytes { encode(into: $0) }
    return bytes
  }

  /// Decodes the first `byteCount` bytes.
  public static func decode(_ bytes: RawSpan) throws(FormatError) -> SegmentHeader {
    try bytes.withUnsafeBytes { (bytes) throws(FormatError) in
      try prefix.checkMagic(bytes, byteCount: byteCount)
      let block = bytes.slice(0..<byteCount)
      guard BlockChecksum.holds(block, at: checksumOffset) else {
        throw .checksum(what: prefix.what)
      }
      _ = try prefix.flags(block)
      for (offset, what) in [(32, "dictionary"), (36, "dictionary"), (40, "encryption key")] {
        let found: UInt32 = block.integer(at: offset)
        if found != 0 { throw .unsupported(what: what, found: UInt64(found)) }
      }
      guard block.slice(48..<56).isZero else { throw .malformed(what: prefix.what) }
      let segment: UInt64 = block.integer(at: 24)
      try SegmentID.check(segment)
      return SegmentHeader(
        uuid: StoreUUID(block, at: 8), segment: SegmentID(segment),
        domain: DomainID(block.integer(at: 44)))
    }
  }

  private static let checksumOffset = 56
}
