public import CoppiceFormat

/// The 256 refs of nodes as seals and imports make them.
public enum SampleRefs {
  /// Frames that lie one behind the other, with the lengths of zstd pages.
  public static func sequential(
    kind: FrameKind = .page, segment: UInt64 = 7, _ random: inout SplitMix64
  ) -> [Ref] {
    var ordinal = UInt32(random.below(1000))
    var offset = UInt32(64 + random.below(1 << 20))
    return (0..<NodeCodec.slotCount).map { _ in
      defer { ordinal += 1 }
      let byteCount = 2000 + random.below(2500)
      defer { offset += UInt32(byteCount) }
      return Ref(
        hash: hash(&random),
        locator: Locator(
          name: FrameName(segment: SegmentID(segment), ordinal: ordinal), offset: offset,
          storedByteCount: byteCount,
          form: kind == .page ? FrameForm(.page, .zstd) : FrameForm(kind, .columns)))
    }
  }

  /// Refs of all kinds of frames, anywhere, and holes.
  public static func scattered(kind: FrameKind = .page, _ random: inout SplitMix64) -> [Ref] {
    (0..<NodeCodec.slotCount).map { _ in random.oneIn(3) ? .hole : ref(kind: kind, &random) }
  }

  public static func ref(kind: FrameKind = .page, _ random: inout SplitMix64) -> Ref {
    let encodings: [FrameEncoding] =
      kind == .page ? [.raw, .zstd, .zstdOnBase] : [.columns, .overridesOnBase]
    return Ref(
      hash: hash(&random),
      locator: Locator(
        name: FrameName(
          segment: SegmentID(1 + random.next() >> 33), ordinal: UInt32(random.next() >> 40)),
        offset: UInt32(truncatingIfNeeded: random.next()),
        storedByteCount: 1 + random.below(Locator.storedByteCountMax),
        form: FrameForm(kind, encodings[random.below(encodings.count)])))
  }

  /// `refs` after a seal stored `count` of the pages as deltas, in segment 9.
  public static func overridden(
    _ refs: [Ref], count: Int, _ random: inout SplitMix64
  ) -> [Ref] {
    var refs = refs
    var ordinal = UInt32(random.below(5000))
    var offset = UInt32(64 + random.below(1 << 20))
    let slots = (0..<NodeCodec.slotCount).shuffled(using: &random).prefix(count).sorted()
    for slot in slots {
      let byteCount = 72 + random.below(120)
      refs[slot] = Ref(
        hash: hash(&random),
        locator: Locator(
          name: FrameName(segment: SegmentID(9), ordinal: ordinal), offset: offset,
          storedByteCount: byteCount, form: FrameForm(.page, .zstdOnBase)))
      ordinal += 1
      offset += UInt32(byteCount)
    }
    return refs
  }

  public static func hash(_ random: inout SplitMix64) -> PageHash {
    PageHash(low: random.next() | 1, high: random.next())
  }

  /// The locator of a full node or page that others are based on.
  public static func base(_ kind: FrameKind) -> Locator {
    Locator(
      name: FrameName(segment: SegmentID(7), ordinal: 300), offset: 1 << 20,
      storedByteCount: 4711, form: FrameForm(kind, kind == .page ? .zstd : .columns))
  }
}
