internal import CXXHash
internal import CZstd

/// Encodes and decodes nodes of manifests: 256 refs of one level. One instance per thread: it owns
/// contexts and scratch memory, and no call allocates once the output array has grown.
///
///     full        header 48 or 64   columns   hash[16] *
///     overrides   base locator 16   header 48 or 64   columns   hash[16] *
///
/// Only the columns are compressed, and only if that makes them smaller: hashes do not compress,
/// and outside of zstd they cost a copy. See `NodeHeader` and `NodeColumns` for the bytes.
public final class NodeCodec {
  public static let slotCount = 256
  /// The greatest stored byte count of a node.
  public static let storedByteCountMax =
    Locator.byteCount + StoredNodeHeader.byteCountMax + NodeColumns.byteCountMax
    + slotCount * 16

  private let compressor: OpaquePointer
  private let decompressor: OpaquePointer
  /// Raw columns, while encoding and decoding.
  private let columns = UnsafeMutableRawBufferPointer.allocate(
    byteCount: NodeColumns.byteCountMax, alignment: 16)
  private let output = UnsafeMutableRawBufferPointer.allocate(
    byteCount: storedByteCountMax, alignment: 16)
  private let slots = UnsafeMutablePointer<UInt8>.allocate(capacity: slotCount)

  public init() {
    compressor = Zstd.compressionContext()
    Zstd.set(ZSTD_c_windowLog, Self.windowLog, on: compressor)
    Zstd.set(ZSTD_c_hashLog, 9, on: compressor)
    decompressor = Zstd.decompressionContext(windowLog: Self.windowLog)
    slots.initialize(repeating: 0, count: Self.slotCount)
  }

  deinit {
    ZSTD_freeCCtx(compressor)
    ZSTD_freeDCtx(decompressor)
    columns.deallocate()
    output.deallocate()
    slots.deallocate()
  }

  /// The identity of a node: XXH3-128, keyed by `secret`, of
  ///
  ///     kind u8   level u8   zero[6]   byteCount u64   modified i64   256 child hashes
  ///
  /// Equal content has equal ids, whatever its history, encoding or place. `header.id` is ignored.
  public static func identify(
    _ header: NodeHeader, refs: UnsafePointer<Ref>, secret: HashSecret
  ) -> PageHash {
    var words = InlineArray<515, UInt64>(repeating: 0)
    words[0] = UInt64(header.kind.rawValue) | UInt64(header.level) << 8
    words[1] = header.byteCount
    words[2] = UInt64(bitPattern: header.modified)
    for slot in 0..<slotCount {
      words[2 &* slot &+ 3] = refs[slot].hash.low
      words[2 &* slot &+ 4] = refs[slot].hash.high
    }
    return withUnsafeBytes(of: &words) { secret.pageHash($0) }
  }

  /// Replaces the content of `stored` by the whole node.
  ///
  /// - Precondition: the header is one of a node, `refs` are 256 whose locators are valid.
  public func encodeFull(
    _ header: NodeHeader, refs: UnsafePointer<Ref>, into stored: inout [UInt8]
  ) {
    var count = 0
    for slot in 0..<Self.slotCount where !refs[slot].isHole {
      slots[count] = UInt8(truncatingIfNeeded: slot)
      count += 1
    }
    encode(header, refs: refs, count: count, base: nil, into: &stored)
  }

  /// Replaces the content of `stored` by the base's locator and the slots in which `refs` differ
  /// from `baseRefs`.
  ///
  /// - Precondition: as for `encodeFull`; `base` is the locator of a full node of this kind and
  ///   level whose refs are `baseRefs`.
  public func encodeOverrides(
    _ header: NodeHeader, refs: UnsafePointer<Ref>, base: Locator,
    baseRefs: UnsafePointer<Ref>, into stored: inout [UInt8]
  ) {
    var count = 0
    for slot in 0..<Self.slotCount where refs[slot] != baseRefs[slot] {
      slots[count] = UInt8(truncatingIfNeeded: slot)
      count += 1
    }
    encode(header, refs: refs, count: count, base: base, into: &stored)
  }

  /// Decodes a full node. All refs are set; their locators are valid and of the kind that the
  /// header asks for. The caller compares `id` with the ref that led here.
  ///
  /// Throws `FormatError`; `refs` are then undefined.
  public func decodeFull(
    _ stored: UnsafeRawBufferPointer, into refs: UnsafeMutablePointer<Ref>
  ) throws(FormatError) -> NodeHeader {
    let header = try StoredNodeHeader(stored, at: 0)
    guard header.hashCount == header.count else { throw .malformed(what: "full node") }
    refs.update(repeating: .hole, count: Self.slotCount)
    try decode(header, stored.slice(header.byteCount..<stored.count), into: refs)
    return header.header
  }

  /// Decodes a node stored as overrides: `refs` become `baseRefs` with the overrides applied.
  ///
  /// - Parameter baseRefs: the 256 refs of the node that `baseLocator(of:)` names; they may be
  ///   `refs` themselves.
  ///
  /// Throws `FormatError`; `refs` are then undefined.
  public func decodeOverrides(
    _ stored: UnsafeRawBufferPointer, baseRefs: UnsafePointer<Ref>,
    into refs: UnsafeMutablePointer<Ref>
  ) throws(FormatError) -> NodeHeader {
    let header = try StoredNodeHeader(stored, at: Locator.byteCount)
    if baseRefs != UnsafePointer(refs) { refs.update(from: baseRefs, count: Self.slotCount) }
    let start = Locator.byteCount + header.byteCount
    try decode(header, stored.slice(start..<stored.count), into: refs)
    return header.header
  }

  /// The base of a node stored as overrides, which is a full node.
  ///
  /// Verifies nothing but the locator itself: decoding does, and covers it.
  public static func baseLocator(
    of stored: UnsafeRawBufferPointer
  ) throws(FormatError) -> Locator {
    let base = try Locator(decoding: stored)
    guard base.form.encoding == .columns else { throw .malformed(what: "base of a node") }
    return base
  }

  private static let windowLog: Int32 = 13

  private func encode(
    _ header: NodeHeader, refs: UnsafePointer<Ref>, count: Int, base: Locator?,
    into stored: inout [UInt8]
  ) {
    precondition(header.isValid)
    guard let target = output.baseAddress, let raw = columns.baseAddress else { return }
    let headerOffset = base == nil ? 0 : Locator.byteCount
    base?.encode(into: output)
    var node = StoredNodeHeader(
      header, count: count, hashCount: 0,
      columnsRawByteCount: NodeColumns.encode(refs: refs, slots: slots, count: count, to: raw),
      isCompressed: false)
    var end = headerOffset + node.byteCount
    let compressed = ZSTD_compress2(
      compressor, target + end, node.columnsRawByteCount - 1, raw, node.columnsRawByteCount)
    node.isCompressed = ZSTD_isError(compressed) == 0
    if node.isCompressed {
      end += compressed
    } else {
      (target + end).copyMemory(from: raw, byteCount: node.columnsRawByteCount)
      end += node.columnsRawByteCount
    }
    node.hashCount = storeHashes(of: refs, count: count, at: target + end)
    end += 16 * node.hashCount
    node.store(to: target + headerOffset)
    let bytes = UnsafeMutableRawBufferPointer(rebasing: output[..<end])
    BlockChecksum.seal(bytes, at: headerOffset + StoredNodeHeader.checksumOffset)
    stored.removeAll(keepingCapacity: true)
    stored.append(contentsOf: UnsafeRawBufferPointer(bytes))
  }

  /// Stores the hashes of the first `count` slots that are no holes; returns how many they are.
  private func storeHashes(
    of refs: UnsafePointer<Ref>, count: Int, at target: UnsafeMutableRawPointer
  ) -> Int {
    var hashCount = 0
    for index in 0..<count {
      let hash = refs[Int(slots[index])].hash
      if hash == .hole { continue }
      target.store(integer: hash.low, at: 16 &* hashCount)
      target.store(integer: hash.high, at: 16 &* hashCount &+ 8)
      hashCount &+= 1
    }
    return hashCount
  }

  func decode(
    _ header: StoredNodeHeader, _ body: UnsafeRawBufferPointer,
    into refs: UnsafeMutablePointer<Ref>
  ) throws(FormatError) {
    let columnsEnd = body.count - 16 * header.hashCount
    guard columnsEnd >= 0 else {
      throw .truncated(what: "node", needed: 16 * header.hashCount, available: body.count)
    }
    let hashes = body.slice(columnsEnd..<body.count)
    var raw = body.slice(0..<columnsEnd)
    if header.isCompressed {
      let result = ZSTD_decompressDCtx(
        decompressor, columns.baseAddress, header.columnsRawByteCount, raw.baseAddress, raw.count)
      if ZSTD_isError(result) != 0 {
        ZSTD_DCtx_reset(decompressor, ZSTD_reset_session_only)
      }
      try Zstd.check(result, byteCount: header.columnsRawByteCount, what: "node columns")
      raw = UnsafeRawBufferPointer(rebasing: columns[..<result])
    } else if raw.count != header.columnsRawByteCount {
      throw .malformed(what: "node columns")
    }
    try NodeColumns.decode(raw, of: header, hashes: hashes, slots: slots, into: refs)
  }
}
