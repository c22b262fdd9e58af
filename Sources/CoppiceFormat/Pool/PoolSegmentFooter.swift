/// The last 32 bytes of a pool's segment: where its index lies, which ends right before them.
///
///     0  magic "CpIx"   indexOffset u32        from the start of the segment
///     8  indexByteCount u32   indexRawByteCount u32
///     16 frameCount u32       in all bundles
///     20 reserved u32
///     24 xxh3 u64             over the stored index and these fields
public struct PoolSegmentFooter: Hashable, Sendable {
  public static let byteCount = 32

  public var indexOffset: UInt32
  public var indexByteCount: UInt32
  public var indexRawByteCount: UInt32
  public var frameCount: UInt32
  /// As stored; `encode` computes it anew.
  public private(set) var checksum: UInt64 = 0

  public init(
    indexOffset: UInt32, indexByteCount: UInt32, indexRawByteCount: UInt32, frameCount: UInt32
  ) {
    self.indexOffset = indexOffset
    self.indexByteCount = indexByteCount
    self.indexRawByteCount = indexRawByteCount
    self.frameCount = frameCount
  }

  /// The index in the segment.
  public var indexRange: Range<Int> {
    Int(indexOffset)..<Int(indexOffset) + Int(indexByteCount)
  }

  /// The footer's bytes, sealed over the stored `index`.
  public func encode(index: RawSpan) -> [UInt8] {
    precondition(index.byteCount == Int(indexByteCount))
    var bytes = fields
    bytes.withUnsafeMutableBytes { block in
      block.store(integer: checksum(of: UnsafeRawBufferPointer(block), index), at: checksumOffset)
    }
    return bytes
  }

  /// Decodes the last `byteCount` bytes of a segment of that many bytes. They are not verified
  /// before the index is.
  public static func decode(
    _ bytes: RawSpan, segmentByteCount: Int
  ) throws(FormatError) -> PoolSegmentFooter {
    try bytes.withUnsafeBytes { (bytes) throws(FormatError) in
      guard bytes.count == byteCount, segmentByteCount >= byteCount else {
        throw .truncated(
          what: what, needed: byteCount, available: min(bytes.count, segmentByteCount))
      }
      let found: UInt32 = bytes.integer(at: 0)
      guard found == magic else { throw .badMagic(what: what, found: UInt64(found)) }
      var footer = PoolSegmentFooter(
        indexOffset: bytes.integer(at: 4), indexByteCount: bytes.integer(at: 8),
        indexRawByteCount: bytes.integer(at: 12), frameCount: bytes.integer(at: 16))
      let reserved: UInt32 = bytes.integer(at: 20)
      guard reserved == 0 else { throw .unknownFlags(what: what, bits: UInt64(reserved)) }
      guard footer.indexRange.upperBound == segmentByteCount - byteCount else {
        throw .malformed(what: what)
      }
      footer.checksum = bytes.integer(at: checksumOffset)
      return footer
    }
  }

  /// Throws `.checksum` unless this footer, as decoded, and the stored `index` are whole.
  public func verify(index: RawSpan) throws(FormatError) {
    let holds =
      index.byteCount == Int(indexByteCount)
      && fields.withUnsafeBytes { checksum(of: $0, index) } == checksum
    guard holds else { throw .checksum(what: Self.what) }
  }

  private static let what = "index of a pool's segment"
  private static let magic: UInt32 = 0x78_49_70_43
  private static let checksumOffset = 24
  private var checksumOffset: Int { Self.checksumOffset }

  private var fields: [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Self.byteCount)
    bytes.withUnsafeMutableBytes { block in
      block.store(integer: Self.magic, at: 0)
      block.store(integer: indexOffset, at: 4)
      block.store(integer: indexByteCount, at: 8)
      block.store(integer: indexRawByteCount, at: 12)
      block.store(integer: frameCount, at: 16)
    }
    return bytes
  }

  private func checksum(of block: UnsafeRawBufferPointer, _ index: RawSpan) -> UInt64 {
    let seed = checksum64(block.slice(0..<checksumOffset))
    return index.withUnsafeBytes { checksum64($0, seed: seed) }
  }
}
