/// The list of a bundle's frames, in the order in which they lie.
///
/// Stored by column; the hash prefixes do not compress and stay outside, which also bounds the
/// number of frames by the stored bytes:
///
///     hash prefix u64 *
///     zstd, without magic, of
///       form u8 *
///       stored byte count: low byte *, middle byte *, high byte *
///       volume: signed varint of the difference to the frame before *
///       page: signed varint of the difference to the page after the frame before *
///       base name of each derived frame: signed varint of the difference to the name after
///         the base before *
///       home name, in an evacuated bundle: signed varint of the difference to the name after
///         the frame before *
///
/// A body that zstd does not make smaller is stored as it is; then the directory's stored and raw
/// byte counts are equal.
public struct BundleDirectory: Hashable, Sendable {
  /// The greatest stored and the greatest raw byte count.
  public static let byteCountMax = 64 << 20

  public var entries: [BundleDirectoryEntry]

  public init(entries: [BundleDirectoryEntry] = []) {
    self.entries = entries
  }

  /// The stored bytes, and what `directoryRawByteCount` of the header must say.
  ///
  /// - Parameter hasHomeNames: the bundle is an evacuated one; every entry has a home name.
  public func encode(hasHomeNames: Bool) -> (bytes: [UInt8], rawByteCount: Int) {
    var body = ByteWriter(byteCapacity: entries.count * 12)
    appendColumns(to: &body, hasHomeNames: hasHomeNames)
    let prefixByteCount = 8 * entries.count
    var stored = ByteWriter(byteCapacity: prefixByteCount + body.bytes.count)
    for entry in entries { stored.append(entry.hashPrefix) }
    let rawByteCount = prefixByteCount + body.bytes.count
    body.bytes.withUnsafeBytes { body in
      if let compressed = Zstd.compress(body) {
        compressed.withUnsafeBytes { stored.append($0) }
      } else {
        stored.append(body)
      }
    }
    return (stored.bytes, rawByteCount)
  }

  /// Decodes the directory of a bundle whose header says `rawByteCount`, `frameCount` and
  /// `hasHomeNames`.
  ///
  /// Memory stays below 8 times the stored bytes plus the entries, 8 bytes of which are stored
  /// for each.
  public static func decode(
    _ stored: RawSpan, rawByteCount: Int, frameCount: Int, hasHomeNames: Bool
  ) throws(FormatError) -> BundleDirectory {
    try stored.withUnsafeBytes { (stored) throws(FormatError) in
      guard frameCount >= 0, frameCount <= stored.count / 8 else {
        throw .truncated(
          what: what, needed: Int(clamping: 8 * Int128(frameCount)),
          available: stored.count)
      }
      let prefixByteCount = 8 * frameCount
      let body = stored.slice(prefixByteCount..<stored.count)
      let limit = prefixByteCount + frameCount * entryByteCountMax
      guard rawByteCount >= prefixByteCount, rawByteCount <= limit else {
        throw .outOfRange(
          what: "directory raw byte count", value: UInt64(max(0, rawByteCount)),
          limit: UInt64(limit))
      }
      let bodyByteCount = rawByteCount - prefixByteCount
      let prefixes = stored.slice(0..<prefixByteCount)
      if body.count == bodyByteCount {
        return try decode(columns: body, prefixes: prefixes, hasHomeNames: hasHomeNames)
      }
      let columns = try Zstd.decompress(body, byteCount: bodyByteCount, what: what)
      return try columns.span.bytes.withUnsafeBytes { (columns) throws(FormatError) in
        try decode(columns: columns, prefixes: prefixes, hasHomeNames: hasHomeNames)
      }
    }
  }

  private static let what = "bundle directory"
  /// What the columns have of a frame at most: form and length 4, volume and page 6 each, base and
  /// home 10 each.
  package static let entryByteCountMax = 36

  func appendColumns(to body: inout ByteWriter, hasHomeNames: Bool) {
    for entry in entries { body.append(entry.form.rawValue) }
    for shift in [0, 8, 16] {
      for entry in entries {
        body.append(UInt8(truncatingIfNeeded: entry.storedByteCount >> shift))
      }
    }
    var volume: UInt64 = 0
    for entry in entries {
      body.append(signedVarint: Int64(bitPattern: entry.volume.rawValue &- volume))
      volume = entry.volume.rawValue
    }
    var page: UInt64 = 0
    for entry in entries {
      body.append(signedVarint: Int64(bitPattern: entry.page.rawValue &- page))
      page = entry.page.rawValue &+ 1
    }
    var base: UInt64 = 0
    for entry in entries where entry.form.isDerived {
      body.append(signedVarint: Int64(bitPattern: entry.base.rawValue &- base))
      base = entry.base.rawValue &+ 1
    }
    guard hasHomeNames else { return }
    var home: UInt64 = 0
    for entry in entries {
      body.append(signedVarint: Int64(bitPattern: entry.home.rawValue &- home))
      home = entry.home.rawValue &+ 1
    }
  }

  private static func decode(
    columns: UnsafeRawBufferPointer, prefixes: UnsafeRawBufferPointer, hasHomeNames: Bool
  ) throws(FormatError) -> BundleDirectory {
    var reader = ByteReader(columns, what: what)
    let directory = try decode(
      columnsFrom: &reader, prefixes: prefixes, hasHomeNames: hasHomeNames)
    try reader.finish()
    return directory
  }

  /// Reads the columns of as many frames as there are prefixes.
  static func decode(
    columnsFrom reader: inout ByteReader, prefixes: UnsafeRawBufferPointer, hasHomeNames: Bool
  ) throws(FormatError) -> BundleDirectory {
    let count = prefixes.count / 8
    let fixed = try reader.bytes(4 * count)
    var entries: [BundleDirectoryEntry] = []
    entries.reserveCapacity(count)
    for index in 0..<count {
      let form = FrameForm(rawValue: fixed[index])
      try form.check()
      let storedByteCount =
        Int(fixed[count + index]) | Int(fixed[2 * count + index]) << 8
        | Int(fixed[3 * count + index]) << 16
      guard storedByteCount > 0 else { throw .malformed(what: what) }
      entries.append(
        BundleDirectoryEntry(
          hashPrefix: prefixes.integer(at: 8 * index), storedByteCount: storedByteCount,
          form: form, volume: VolumeNumber(0), page: PageNumber(0)))
    }
    try decodeKeys(from: &reader, into: &entries)
    try decodeNames(from: &reader, into: &entries, hasHomeNames: hasHomeNames)
    return BundleDirectory(entries: entries)
  }

  private static func decodeKeys(
    from reader: inout ByteReader, into entries: inout [BundleDirectoryEntry]
  ) throws(FormatError) {
    var volume: UInt64 = 0
    for index in entries.indices {
      volume &+= UInt64(bitPattern: try reader.signedVarint())
      try VolumeNumber.check(volume)
      entries[index].volume = VolumeNumber(volume)
    }
    var page: UInt64 = 0
    for index in entries.indices {
      page &+= UInt64(bitPattern: try reader.signedVarint())
      try PageNumber.check(page)
      entries[index].page = PageNumber(page)
      page += 1
    }
  }

  private static func decodeNames(
    from reader: inout ByteReader, into entries: inout [BundleDirectoryEntry], hasHomeNames: Bool
  ) throws(FormatError) {
    var base: UInt64 = 0
    for index in entries.indices where entries[index].form.isDerived {
      base &+= UInt64(bitPattern: try reader.signedVarint())
      try SegmentID.check(base >> UInt64(FrameName.ordinalBitCount))
      entries[index].base = FrameName(rawValue: base)
      base &+= 1
    }
    guard hasHomeNames else { return }
    var home: UInt64 = 0
    for index in entries.indices {
      home &+= UInt64(bitPattern: try reader.signedVarint())
      try SegmentID.check(home >> UInt64(FrameName.ordinalBitCount))
      entries[index].home = FrameName(rawValue: home)
      home &+= 1
    }
  }
}
