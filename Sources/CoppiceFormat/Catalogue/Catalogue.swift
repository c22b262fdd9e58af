/// A checkpoint of everything that control records change, as of one LSN.
///
///     0  magic "CpCt"   version u16   flags u16
///     8  lsn u64
///     16 time i64           nanoseconds since 1970
///     24 nextBranch u64   nextVolume u64   nextSegment u64
///     48 nextDomain u32   reserved u32
///     56 bodyByteCount u64        stored
///     64 bodyRawByteCount u64
///     72 xxh3 u64                 over header and stored body
///     80 body: branches, segments, retired, journalFiles, settings, each a count u32 and its
///        entries; extensions (Fields)
///
/// The body is zstd without magic, unless its two byte counts are equal.
public struct Catalogue: Hashable, Sendable {
  /// No decoder expects a greater body, stored or raw.
  public static let bodyByteCountMax: UInt64 = 1 << 32

  /// The last record that this state contains.
  public var lsn: LSN
  public var time: Int64
  /// Identities below these are or were in use.
  public var nextBranch: UInt64
  public var nextVolume: UInt64
  public var nextSegment: UInt64
  public var nextDomain: UInt32
  public var branches: [BranchEntry]
  public var segments: [SegmentEntry]
  public var retired: [RetiredSegment]
  public var journalFiles: [JournalFileEntry]
  /// Keys ascending, each once.
  public var settings: [Setting]
  /// What this version does not know; with a critical tag the store may only be read.
  public var extensions: Fields

  public init(
    lsn: LSN, time: Int64, nextBranch: UInt64, nextVolume: UInt64, nextSegment: UInt64,
    nextDomain: UInt32 = DomainID.standard.rawValue + 1,
    branches: [BranchEntry] = [], segments: [SegmentEntry] = [], retired: [RetiredSegment] = [],
    journalFiles: [JournalFileEntry] = [], settings: [Setting] = [], extensions: Fields = Fields()
  ) {
    self.lsn = lsn
    self.time = time
    self.nextBranch = nextBranch
    self.nextVolume = nextVolume
    self.nextSegment = nextSegment
    self.nextDomain = nextDomain
    self.branches = branches
    self.segments = segments
    self.retired = retired
    self.journalFiles = journalFiles
    self.settings = settings
    self.extensions = extensions
  }

  /// The whole file.
  ///
  /// - Precondition: names, fields and settings keep to their limits.
  public func encode() -> [UInt8] {
    let body = encodeBody()
    let stored = body.withUnsafeBytes { Zstd.compress($0) } ?? body
    var writer = ByteWriter(byteCapacity: Self.headerByteCount + stored.count)
    writer.append(Self.prefix)
    writer.append(lsn.rawValue)
    writer.append(time)
    writer.append(nextBranch)
    writer.append(nextVolume)
    writer.append(nextSegment)
    writer.append(nextDomain)
    writer.append(UInt32(0))
    writer.append(UInt64(stored.count))
    writer.append(UInt64(body.count))
    writer.append(UInt64(0))
    stored.withUnsafeBytes { writer.append($0) }
    writer.seal(checksumAt: Self.checksumOffset)
    return writer.bytes
  }

  /// Decodes a whole file.
  ///
  /// Memory stays below a constant times the input, since zstd bodies that would grow more than
  /// 256-fold are refused.
  public static func decode(_ bytes: RawSpan) throws(FormatError) -> Catalogue {
    try bytes.withUnsafeBytes { (bytes) throws(FormatError) in
      try prefix.checkMagic(bytes, byteCount: headerByteCount)
      guard BlockChecksum.holds(bytes, at: checksumOffset) else {
        throw .checksum(what: prefix.what)
      }
      _ = try prefix.flags(bytes)
      let bodyByteCount: UInt64 = bytes.integer(at: 56)
      guard bodyByteCount == UInt64(bytes.count - headerByteCount) else {
        throw .truncated(
          what: prefix.what, needed: Int(clamping: bodyByteCount),
          available: bytes.count - headerByteCount)
      }
      let rawByteCount: UInt64 = bytes.integer(at: 64)
      guard rawByteCount <= bodyByteCountMax else {
        throw .outOfRange(
          what: "catalogue raw byte count", value: rawByteCount, limit: bodyByteCountMax)
      }
      var catalogue = Catalogue(
        lsn: LSN(bytes.integer(at: 8)), time: bytes.integer(at: 16),
        nextBranch: bytes.integer(at: 24), nextVolume: bytes.integer(at: 32),
        nextSegment: bytes.integer(at: 40), nextDomain: bytes.integer(at: 48))
      let body = bytes.slice(headerByteCount..<bytes.count)
      if rawByteCount == bodyByteCount {
        try catalogue.decode(body: body)
      } else {
        let raw = try Zstd.decompress(body, byteCount: Int(rawByteCount), what: prefix.what)
        try raw.span.bytes.withUnsafeBytes { (body) throws(FormatError) in
          try catalogue.decode(body: body)
        }
      }
      return catalogue
    }
  }

  /// Tags of the store and of its segments that who writes to it must heed, and this version does
  /// not know.
  public var unknownCriticalTags: [FieldTag] {
    ([extensions] + segments.map(\.extensions)).flatMap(\.criticalTags)
  }

  /// A damaged file with that one bit changed that makes its checksum hold, if there is one.
  ///
  /// Larger files than `correctedByteCountMax` are not tried: the time grows with the square.
  public static func correctingOneBit(of bytes: RawSpan) -> [UInt8]? {
    bytes.withUnsafeBytes { bytes in
      bytes.count > correctedByteCountMax
        ? nil : BlockChecksum.correctingOneBit(of: bytes, at: checksumOffset)
    }
  }

  /// The LSN that a damaged file seems to be of; `nil` when it does not look like a catalogue.
  public static func likelyLSN(of bytes: RawSpan) -> LSN? {
    bytes.withUnsafeBytes { bytes in
      let isLikely: Void? = try? prefix.checkMagic(bytes, byteCount: headerByteCount)
      return isLikely == nil ? nil : LSN(bytes.integer(at: 8))
    }
  }

  public static let correctedByteCountMax = 64 << 10

  private static let prefix = BlockPrefix(what: "catalogue", magic: "CpCt", version: 1)
  private static let headerByteCount = 80
  private static let checksumOffset = 72

  private func encodeBody() -> [UInt8] {
    var writer = ByteWriter(byteCapacity: branches.count * 192 + segments.count * 32 + 64)
    writer.append(count: branches.count)
    for branch in branches { writer.append(branch) }
    writer.append(count: segments.count)
    for segment in segments { writer.append(segment) }
    writer.append(retired)
    writer.append(count: journalFiles.count)
    for file in journalFiles { writer.append(file) }
    writer.append(settings)
    writer.append(extensions)
    return writer.bytes
  }

  private mutating func decode(body: UnsafeRawBufferPointer) throws(FormatError) {
    var reader = ByteReader(body, what: "catalogue")
    branches = try reader.array(of: ByteReader.branchEntryByteCountMin) {
      (reader) throws(FormatError) in try reader.branchEntry()
    }
    segments = try reader.array(of: SegmentEntry.byteCountMin) {
      (reader) throws(FormatError) in try reader.segmentEntry()
    }
    retired = try reader.retiredSegments()
    journalFiles = try reader.array(of: JournalFileEntry.byteCountStored) {
      (reader) throws(FormatError) in try reader.journalFileEntry()
    }
    settings = try reader.settings()
    extensions = try Fields(reading: &reader)
    try reader.finish()
  }
}
