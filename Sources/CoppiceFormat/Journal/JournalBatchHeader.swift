/// The head of a journal batch: records that were written, and are valid, together.
///
///     0  magic "CpJb"   version u16   flags u16
///     8  byteCount u32       of the batch with this header, without padding
///     12 recordCount u32
///     16 generation u64      the file's
///     24 firstLSN u64        of the first record; an empty batch: of the next one
///     32 syncedLSN u64       every record up to this was synced before this batch was written
///     40 time i64            nanoseconds since 1970
///     48 reserved u64
///     56 xxh3 u64            over all of the batch, seeded with the generation
///
/// The records follow, one behind the other; each is padded to 8 bytes.
public struct JournalBatchHeader: Hashable, Sendable {
  public static let byteCount = 64
  /// Batches begin at multiples of this.
  public static let alignment = 4096
  /// A batch never leaves its journal file.
  public static let batchByteCountMax = 64 << 20

  /// Bytes of the whole batch with this header, without padding to `alignment`.
  public var batchByteCount: UInt32
  public var recordCount: UInt32
  public var generation: UInt64
  public var firstLSN: LSN
  public var syncedLSN: LSN
  public var time: Int64

  public init(
    batchByteCount: UInt32, recordCount: UInt32, generation: UInt64, firstLSN: LSN,
    syncedLSN: LSN, time: Int64
  ) {
    self.batchByteCount = batchByteCount
    self.recordCount = recordCount
    self.generation = generation
    self.firstLSN = firstLSN
    self.syncedLSN = syncedLSN
    self.time = time
  }

  /// Writes `byteCount` bytes to the start of `bytes`; `seal` adds the checksum.
  public func encode(into bytes: UnsafeMutableRawBufferPointer) {
    let block = UnsafeMutableRawBufferPointer(rebasing: bytes[..<Self.byteCount])
    block.initializeMemory(as: UInt8.self, repeating: 0)
    Self.prefix.store(to: block)
    block.store(integer: batchByteCount, at: 8)
    block.store(integer: recordCount, at: 12)
    block.store(integer: generation, at: Self.generationOffset)
    block.store(integer: firstLSN.rawValue, at: 24)
    block.store(integer: syncedLSN.rawValue, at: 32)
    block.store(integer: time, at: 40)
  }

  /// Writes the checksum into a complete batch.
  ///
  /// - Precondition: `batch` is `batchByteCount` bytes, its header encoded.
  public static func seal(batch: UnsafeMutableRawBufferPointer) {
    let generation = generation(UnsafeRawBufferPointer(batch))
    BlockChecksum.seal(batch, at: checksumOffset, seed: generation)
  }

  /// Decodes the first `byteCount` bytes. They are not verified before the whole batch is.
  public static func decode(_ bytes: RawSpan) throws(FormatError) -> JournalBatchHeader {
    try bytes.withUnsafeBytes { (bytes) throws(FormatError) in
      try prefix.checkMagic(bytes, byteCount: byteCount)
      _ = try prefix.flags(bytes)
      var reader = ByteReader(bytes.slice(BlockPrefix.byteCount..<byteCount), what: prefix.what)
      let batchByteCount: UInt32 = try reader.integer(
        "batch byte count", atMost: UInt32(batchByteCountMax))
      guard batchByteCount >= byteCount else { throw .malformed(what: prefix.what) }
      let recordCountMax = (batchByteCount - UInt32(byteCount)) / UInt32(RecordHeader.byteCount)
      return JournalBatchHeader(
        batchByteCount: batchByteCount,
        recordCount: try reader.integer("record count", atMost: recordCountMax),
        generation: try reader.integer(), firstLSN: LSN(try reader.integer()),
        syncedLSN: LSN(try reader.integer()), time: try reader.integer())
    }
  }

  /// The generation that a batch of whatever version names in its first bytes.
  public static func generation(_ block: UnsafeRawBufferPointer) -> UInt64 {
    block.integer(at: generationOffset)
  }

  /// Whether `batch`, whose header was decoded from its first bytes, is complete and whole.
  public static func verify(batch: UnsafeRawBufferPointer, header: JournalBatchHeader) -> Bool {
    batch.count == Int(header.batchByteCount)
      && BlockChecksum.holds(batch, at: checksumOffset, seed: header.generation)
  }

  private static let prefix = BlockPrefix(what: "journal batch", magic: "CpJb", version: 1)
  private static let generationOffset = 16
  private static let checksumOffset = 56
}
