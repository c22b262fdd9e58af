/// The index of a pool's segment, the frame of kind 5: the directories of all its bundles once
/// more, with whole hashes. So one read tells all that lies in the segment, and a page's hash
/// proves that it is the one that was meant before it is fetched.
///
/// It lies behind the last bundle, in none, and has no name. Hashes do not compress and stay
/// outside, which also bounds everything else by the stored bytes:
///
///     hash, bytes 0-7, of each frame *
///     hash, bytes 8-15, of each frame *
///     zstd, without magic, of, for each bundle,
///       offset u32   firstOrdinal u32   frameCount u32   flags u32   lsn u64
///       columns as in the bundle's directory
///
/// Flags and the other fields are those of the bundle's header; a bundle without frames has none
/// here. A body that zstd does not make smaller is stored as it is; then the footer's two byte
/// counts are equal.
public struct PoolSegmentIndex: Hashable, Sendable {
  /// The greatest stored and the greatest raw byte count.
  public static let byteCountMax = 64 << 20

  /// What the index says of one bundle.
  public struct Bundle: Hashable, Sendable {
    static let headerByteCount = 24

    /// Where it begins in the segment.
    public var offset: UInt32
    public var firstOrdinal: UInt32
    public var lsn: LSN
    /// The bundle was evacuated: its frames' names are the home names.
    public var hasHomeNames: Bool
    /// The bundle's directory, at least one frame.
    public var directory: BundleDirectory
    /// Of each frame bytes 8-15 of its hash; the directory has the others.
    public var hashSuffixes: [UInt64]

    /// - Precondition: there is a suffix for each frame.
    public init(
      offset: UInt32, firstOrdinal: UInt32, lsn: LSN, hasHomeNames: Bool,
      directory: BundleDirectory, hashSuffixes: [UInt64]
    ) {
      precondition(directory.entries.count == hashSuffixes.count)
      self.offset = offset
      self.firstOrdinal = firstOrdinal
      self.lsn = lsn
      self.hasHomeNames = hasHomeNames
      self.directory = directory
      self.hashSuffixes = hashSuffixes
    }

    /// The whole hash, or the node's id, of a frame; that of a hole for a note.
    public func hash(ofFrame index: Int) -> PageHash {
      PageHash(low: directory.entries[index].hashPrefix, high: hashSuffixes[index])
    }
  }

  /// In the order in which they lie.
  public var bundles: [Bundle]

  public init(bundles: [Bundle] = []) { self.bundles = bundles }

  public var frameCount: Int { bundles.reduce(0) { $0 + $1.directory.entries.count } }

  /// Index and footer, to be appended to a segment that so far has `offset` bytes.
  ///
  /// - Precondition: no bundle is without frames, and the index fits into `byteCountMax`.
  public func encode(at offset: Int) -> [UInt8] {
    precondition(bundles.allSatisfy { !$0.directory.entries.isEmpty })
    var body = ByteWriter(byteCapacity: frameCount * 12)
    for bundle in bundles {
      body.append(bundle.offset)
      body.append(bundle.firstOrdinal)
      body.append(count: bundle.directory.entries.count)
      body.append(bundle.hasHomeNames ? Self.homeNamesFlag : 0)
      body.append(bundle.lsn.rawValue)
      bundle.directory.appendColumns(to: &body, hasHomeNames: bundle.hasHomeNames)
    }
    var stored = ByteWriter(byteCapacity: 16 * frameCount + body.bytes.count)
    for bundle in bundles {
      for entry in bundle.directory.entries { stored.append(entry.hashPrefix) }
    }
    for bundle in bundles {
      for suffix in bundle.hashSuffixes { stored.append(suffix) }
    }
    let rawByteCount = stored.bytes.count + body.bytes.count
    stored.append(raw: body.bytes.withUnsafeBytes { Zstd.compress($0) } ?? body.bytes)
    precondition(rawByteCount <= Self.byteCountMax)
    let footer = PoolSegmentFooter(
      indexOffset: UInt32(offset), indexByteCount: UInt32(stored.bytes.count),
      indexRawByteCount: UInt32(rawByteCount), frameCount: UInt32(frameCount))
    return stored.bytes + footer.encode(index: stored.bytes.span.bytes)
  }

  /// Decodes the index that `footer` describes.
  ///
  /// Memory stays below a constant times the stored bytes, 16 of which are stored for each frame.
  public static func decode(
    _ stored: RawSpan, _ footer: PoolSegmentFooter
  ) throws(FormatError) -> PoolSegmentIndex {
    try footer.verify(index: stored)
    return try stored.withUnsafeBytes { (stored) throws(FormatError) in
      let frameCount = Int(footer.frameCount)
      guard frameCount <= stored.count / 16 else {
        throw .truncated(what: what, needed: 16 * frameCount, available: stored.count)
      }
      let rawByteCount = Int(footer.indexRawByteCount)
      let hashes = stored.slice(0..<16 * frameCount)
      let limit = min(byteCountMax, hashes.count + frameCount * frameByteCountMax)
      guard hashes.count...limit ~= rawByteCount else {
        throw .outOfRange(
          what: "index raw byte count", value: UInt64(rawByteCount), limit: UInt64(limit))
      }
      let body = stored.slice(hashes.count..<stored.count)
      let bodyByteCount = rawByteCount - hashes.count
      if body.count == bodyByteCount { return try decode(body: body, hashes: hashes) }
      let raw = try Zstd.decompress(body, byteCount: bodyByteCount, what: what)
      return try raw.span.bytes.withUnsafeBytes { (raw) throws(FormatError) in
        try decode(body: raw, hashes: hashes)
      }
    }
  }

  private static let what = "index of a pool's segment"
  private static let homeNamesFlag: UInt32 = 1
  /// A bundle of one frame.
  private static let frameByteCountMax =
    Bundle.headerByteCount + BundleDirectory.entryByteCountMax

  private static func decode(
    body: UnsafeRawBufferPointer, hashes: UnsafeRawBufferPointer
  ) throws(FormatError) -> PoolSegmentIndex {
    let frameCount = hashes.count / 16
    let prefixes = hashes.slice(0..<8 * frameCount)
    let suffixes = hashes.slice(8 * frameCount..<16 * frameCount)
    var reader = ByteReader(body, what: what)
    var index = PoolSegmentIndex()
    var done = 0
    while done < frameCount {
      let offset: UInt32 = try reader.integer()
      let firstOrdinal: UInt32 = try reader.integer()
      let count = Int(try reader.integer("frame count", atMost: UInt32(frameCount - done)))
      let flags: UInt32 = try reader.integer()
      guard flags & ~homeNamesFlag == 0 else {
        throw .unknownFlags(what: what, bits: UInt64(flags))
      }
      let lsn = LSN(try reader.integer())
      guard count > 0, Int(firstOrdinal) + count <= BundleHeader.frameCountMax else {
        throw .malformed(what: what)
      }
      let hasHomeNames = flags & homeNamesFlag != 0
      let directory = try BundleDirectory.decode(
        columnsFrom: &reader, prefixes: prefixes.slice(8 * done..<8 * (done + count)),
        hasHomeNames: hasHomeNames)
      index.bundles.append(
        Bundle(
          offset: offset, firstOrdinal: firstOrdinal, lsn: lsn, hasHomeNames: hasHomeNames,
          directory: directory,
          hashSuffixes: (done..<done + count).map { suffixes.integer(at: 8 * $0) }))
      done += count
    }
    try reader.finish()
    return index
  }
}
