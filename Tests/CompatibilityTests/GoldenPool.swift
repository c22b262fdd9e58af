import CoppiceFormat
import CoppicePools
import TestSupport

/// Makes the pool that later versions must open: one object of each kind, from fixed keys and
/// salts. Deterministic: the same code gives the same bytes.
struct GoldenPool {
  static let segment = SegmentID(1025)
  private static let pageByteCount = 4096

  /// By their keys.
  private(set) var objects: [String: [UInt8]] = [:]
  let outer: OuterKey

  init() {
    var generator = SplitMix64(seed: 1515)
    let made = PoolKeyTable.make(
      pool: SamplePool.id, label: "office", at: SamplePool.time, using: &generator)
    var (table, keys) = (made.table, made.keys)
    _ = table.addWrapper(label: "récupération", of: keys, using: &generator)
    for time in [SamplePool.time + 1, SamplePool.time + 2] {
      table.beginKey(of: .standard, at: time, in: &keys, using: &generator)
    }
    table.keys.append(
      PoolKey(
        id: PoolKeyID(4), domain: DomainID(2), state: .dropped, createdAt: SamplePool.time + 3,
        wrapped: .dropped))
    objects["pool"] = HeadObject.seal(SamplePool.head, table, keys: keys, using: &generator)
    outer = made.outer
    let member = PoolObjectName.member(SamplePool.member)
    objects[member.key] = SamplePool.poolMember.seal(keys: keys, using: &generator)
    let retired = PoolObjectName.retired(cycle: SamplePool.retiredTable.cycle)
    objects[retired.key] = SamplePool.retiredTable.seal(keys: keys, using: &generator)
    guard let key = keys.sealingKey(of: .standard) else { preconditionFailure("no key") }
    let segment = PoolObjectName.segment(Self.segment)
    objects[segment.key] = ObjectBoxes.seal(
      Self.segmentContent, as: segment, in: SamplePool.id, under: key, using: &generator)
  }

  /// A segment of two bundles, the second one evacuated, with more than one box: a full page that
  /// compresses, pages that do not, a note.
  static var segmentContent: [UInt8] {
    var bytes = SegmentHeader(uuid: SamplePool.id, segment: segment, domain: .standard).encode()
    var index = PoolSegmentIndex()
    var ordinal: UInt32 = 0
    for hasHomeNames in [false, true] {
      var frames: [UInt8] = []
      var entries: [BundleDirectoryEntry] = []
      var suffixes: [UInt64] = []
      for (number, (frame, form, hash)) in self.frames(hasHomeNames).enumerated() {
        frames += frame
        suffixes.append(hash.high)
        let home = FrameName(segment: SegmentID(7), ordinal: UInt32(3 * number + 2))
        entries.append(
          BundleDirectoryEntry(
            hashPrefix: hash.low, storedByteCount: frame.count, form: form,
            volume: VolumeNumber(form.kind == .note ? 0 : 5), page: PageNumber(UInt64(number)),
            home: hasHomeNames ? home : .none))
      }
      let directory = BundleDirectory(entries: entries)
      index.bundles.append(
        PoolSegmentIndex.Bundle(
          offset: UInt32(bytes.count), firstOrdinal: hasHomeNames ? 0 : ordinal, lsn: LSN(99),
          hasHomeNames: hasHomeNames, directory: directory, hashSuffixes: suffixes))
      bytes += bundle(frames, directory, firstOrdinal: hasHomeNames ? 0 : ordinal, hasHomeNames)
      ordinal += UInt32(entries.count)
    }
    return bytes + index.encode(at: bytes.count)
  }

  private static func frames(_ isSecond: Bool) -> [([UInt8], FrameForm, PageHash)] {
    var random = SplitMix64(seed: isSecond ? 12 : 11)
    var frames: [([UInt8], FrameForm, PageHash)] = []
    let codec = PageCodec(pageByteCount: pageByteCount)
    var output = [UInt8](repeating: 0, count: codec.outputByteCountMax)
    for number in 0..<(isSecond ? 2 : 18) {
      var page = random.bytes(pageByteCount)
      if number == 1 {
        let line = Array("a line of text that compresses well\n".utf8)
        page = (0..<pageByteCount).map { line[$0 % line.count] }
      }
      let (encoding, byteCount) = page.withUnsafeBytes { page in
        output.withUnsafeMutableBytes { codec.encodeFull(page, into: $0) }
      }
      let hash = page.withUnsafeBytes { SampleValues.secret.pageHash($0) }
      frames.append((Array(output[..<byteCount]), FrameForm(.page, encoding), hash))
    }
    if !isSecond { frames.append((SampleValues.note.encode(), FrameForm(.note, .raw), .hole)) }
    return frames
  }

  private static func bundle(
    _ frames: [UInt8], _ directory: BundleDirectory, firstOrdinal: UInt32, _ hasHomeNames: Bool
  ) -> [UInt8] {
    let (stored, rawByteCount) = directory.encode(hasHomeNames: hasHomeNames)
    let header = BundleHeader(
      segment: segment, firstOrdinal: firstOrdinal, frameCount: UInt32(directory.entries.count),
      directoryByteCount: UInt32(stored.count), directoryRawByteCount: UInt32(rawByteCount),
      framesByteCount: UInt32(frames.count), lsn: LSN(99), hasHomeNames: hasHomeNames)
    let block = FormatDecoder.encoded(byteCount: BundleHeader.byteCount) { block in
      stored.withUnsafeBytes { header.encode(into: block, directory: $0) }
    }
    return block + frames + stored
  }
}
