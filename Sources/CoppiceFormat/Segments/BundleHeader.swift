/// The header of a bundle, and the checksum of its directory.
///
/// A bundle is `header 64 | frames | directory`, without gaps; the next bundle follows at once.
/// The frames lie in the order of their ordinals, so their offsets follow from the directory's
/// lengths. Frames are verified by the hashes in their refs, everything else by the checksum here.
///
///     0  magic "CpBd"   version u16   flags u16
///     8  segment u64              the segment's own id
///     16 firstOrdinal u32         of the first frame; 0 in a host's bundles, which name nothing
///     20 frameCount u32
///     24 directoryByteCount u32   stored
///     28 directoryRawByteCount u32
///     32 framesByteCount u32
///     36 reserved u32
///     40 lsn u64                  the store's last LSN when the bundle was written: a note
///     48 reserved u64
///     56 xxh3 u64                 over header and stored directory
///
/// Flags: 1 every frame has a home name (evacuated).
public struct BundleHeader: Hashable, Sendable {
  public static let byteCount = 64
  /// A bundle is about 1 MiB; no reader needs to expect more than this.
  public static let framesByteCountMax = 64 << 20
  /// Ordinals have 24 bits.
  public static let frameCountMax = 1 << FrameName.ordinalBitCount

  public var segment: SegmentID
  public var firstOrdinal: UInt32
  public var frameCount: UInt32
  public var directoryByteCount: UInt32
  public var directoryRawByteCount: UInt32
  public var framesByteCount: UInt32
  public var lsn: LSN
  /// The bundle was evacuated: its frames' names are the home names in its directory.
  public var hasHomeNames: Bool
  /// As stored; `encode` computes it anew.
  public private(set) var checksum: UInt64 = 0

  public init(
    segment: SegmentID, firstOrdinal: UInt32, frameCount: UInt32, directoryByteCount: UInt32,
    directoryRawByteCount: UInt32, framesByteCount: UInt32, lsn: LSN, hasHomeNames: Bool
  ) {
    self.segment = segment
    self.firstOrdinal = firstOrdinal
    self.frameCount = frameCount
    self.directoryByteCount = directoryByteCount
    self.directoryRawByteCount = directoryRawByteCount
    self.framesByteCount = framesByteCount
    self.lsn = lsn
    self.hasHomeNames = hasHomeNames
  }

  /// Bytes of the whole bundle.
  public var bundleByteCount: Int {
    Self.byteCount + Int(framesByteCount) + Int(directoryByteCount)
  }

  /// Where the directory begins, from the bundle's start.
  public var directoryOffset: Int { Self.byteCount + Int(framesByteCount) }

  /// Writes `byteCount` bytes to the start of `bytes`, sealed over the stored `directory`.
  public func encode(
    into bytes: UnsafeMutableRawBufferPointer, directory: UnsafeRawBufferPointer
  ) {
    precondition(directory.count == Int(directoryByteCount))
    let block = UnsafeMutableRawBufferPointer(rebasing: bytes[..<Self.byteCount])
    block.initializeMemory(as: UInt8.self, repeating: 0)
    storeFields(to: block)
    block.store(
      integer: Self.checksum(of: UnsafeRawBufferPointer(block), directory: directory),
      at: Self.checksumOffset)
  }

  /// Decodes the first `byteCount` bytes. They are not verified before the directory is.
  public static func decode(_ bytes: RawSpan) throws(FormatError) -> BundleHeader {
    try bytes.withUnsafeBytes { (bytes) throws(FormatError) in
      try prefix.checkMagic(bytes, byteCount: byteCount)
      let flags = try prefix.flags(bytes)
      var reader = ByteReader(bytes.slice(BlockPrefix.byteCount..<byteCount), what: prefix.what)
      let segment: UInt64 = try reader.integer()
      try SegmentID.check(segment)
      var header = BundleHeader(
        segment: SegmentID(segment), firstOrdinal: try reader.integer(),
        frameCount: try reader.integer("frame count", atMost: UInt32(frameCountMax)),
        directoryByteCount: try reader.integer(
          "directory byte count", atMost: UInt32(BundleDirectory.byteCountMax)),
        directoryRawByteCount: try reader.integer(
          "directory raw byte count", atMost: UInt32(BundleDirectory.byteCountMax)),
        framesByteCount: try reader.integer(
          "frames byte count", atMost: UInt32(framesByteCountMax)),
        lsn: .zero, hasHomeNames: flags & homeNamesFlag != 0)
      guard UInt64(header.firstOrdinal) + UInt64(header.frameCount) <= frameCountMax else {
        throw .outOfRange(
          what: "ordinal", value: UInt64(header.firstOrdinal) + UInt64(header.frameCount),
          limit: UInt64(frameCountMax))
      }
      let reserved: UInt32 = try reader.integer()
      header.lsn = LSN(try reader.integer())
      let reserved2: UInt64 = try reader.integer()
      guard reserved == 0, reserved2 == 0 else { throw .malformed(what: prefix.what) }
      header.checksum = try reader.integer()
      return header
    }
  }

  /// Throws `.checksum` unless this header, as decoded, and the stored `directory` are whole.
  public func verify(directory: RawSpan) throws(FormatError) {
    let holds = directory.withUnsafeBytes { directory in
      guard directory.count == Int(directoryByteCount) else { return false }
      return withUnsafeTemporaryAllocation(byteCount: Self.byteCount, alignment: 8) { block in
        block.initializeMemory(as: UInt8.self, repeating: 0)
        storeFields(to: block)
        return checksum == Self.checksum(of: UnsafeRawBufferPointer(block), directory: directory)
      }
    }
    guard holds else { throw .checksum(what: "bundle") }
  }

  private static let prefix = BlockPrefix(
    what: "bundle header", magic: "CpBd", version: 1, knownFlags: homeNamesFlag)
  private static let homeNamesFlag: UInt16 = 1
  private static let checksumOffset = 56

  private func storeFields(to block: UnsafeMutableRawBufferPointer) {
    Self.prefix.store(flags: hasHomeNames ? Self.homeNamesFlag : 0, to: block)
    block.store(integer: segment.rawValue, at: 8)
    block.store(integer: firstOrdinal, at: 16)
    block.store(integer: frameCount, at: 20)
    block.store(integer: directoryByteCount, at: 24)
    block.store(integer: directoryRawByteCount, at: 28)
    block.store(integer: framesByteCount, at: 32)
    block.store(integer: lsn.rawValue, at: 40)
  }

  private static func checksum(
    of block: UnsafeRawBufferPointer, directory: UnsafeRawBufferPointer
  ) -> UInt64 {
    checksum64(directory, seed: checksum64(block.slice(0..<checksumOffset)))
  }
}
