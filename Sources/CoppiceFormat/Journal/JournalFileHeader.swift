/// The first block of a journal file; batches follow at 4,096-byte boundaries.
///
/// Every opening of a store starts a new file with a new generation. A recycled file's old batches
/// carry an older generation and end the new ones.
///
///     0    magic "CpJf"   version u16   flags u16
///     8    sequence u64        of the file; only grows
///     16   generation u64      of the batches in it
///     24   firstLSN u64        of the first record that this file may hold
///     32   previousLSN u64     the last one that counts in older generations
///     40   uuid[16]            the store's
///     56   reserved[4032]
///     4088 xxh3 u64
///
/// Flags: 1 only control records.
public struct JournalFileHeader: Hashable, Sendable {
  public static let byteCount = 4096

  public var sequence: UInt64
  public var generation: UInt64
  public var firstLSN: LSN
  public var previousLSN: LSN
  public var uuid: StoreUUID
  public var isControl: Bool

  public init(
    sequence: UInt64, generation: UInt64, firstLSN: LSN, previousLSN: LSN, uuid: StoreUUID,
    isControl: Bool
  ) {
    self.sequence = sequence
    self.generation = generation
    self.firstLSN = firstLSN
    self.previousLSN = previousLSN
    self.uuid = uuid
    self.isControl = isControl
  }

  /// Writes `byteCount` bytes to the start of `bytes`.
  public func encode(into bytes: UnsafeMutableRawBufferPointer) {
    let block = UnsafeMutableRawBufferPointer(rebasing: bytes[..<Self.byteCount])
    block.initializeMemory(as: UInt8.self, repeating: 0)
    Self.prefix.store(flags: isControl ? Self.controlFlag : 0, to: block)
    block.store(integer: sequence, at: 8)
    block.store(integer: generation, at: 16)
    block.store(integer: firstLSN.rawValue, at: 24)
    block.store(integer: previousLSN.rawValue, at: 32)
    uuid.store(to: block, at: 40)
    BlockChecksum.seal(block, at: Self.checksumOffset)
  }

  /// Decodes the first `byteCount` bytes.
  public static func decode(_ bytes: RawSpan) throws(FormatError) -> JournalFileHeader {
    try bytes.withUnsafeBytes { (bytes) throws(FormatError) in
      try prefix.checkMagic(bytes, byteCount: byteCount)
      let block = bytes.slice(0..<byteCount)
      guard BlockChecksum.holds(block, at: checksumOffset) else {
        throw .checksum(what: prefix.what)
      }
      let flags = try prefix.flags(block)
      guard block.slice(56..<checksumOffset).isZero else { throw .malformed(what: prefix.what) }
      return JournalFileHeader(
        sequence: block.integer(at: 8), generation: block.integer(at: 16),
        firstLSN: LSN(block.integer(at: 24)), previousLSN: LSN(block.integer(at: 32)),
        uuid: StoreUUID(block, at: 40), isControl: flags & controlFlag != 0)
    }
  }

  private static let prefix = BlockPrefix(
    what: "journal file header", magic: "CpJf", version: 1, knownFlags: controlFlag)
  private static let controlFlag: UInt16 = 1
  private static let checksumOffset = byteCount - BlockChecksum.byteCount
}
