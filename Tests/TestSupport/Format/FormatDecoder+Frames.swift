internal import CoppiceFormat

// Bundles, pages and nodes.
extension FormatDecoder {
  /// Input: header 64, stored directory.
  static let bundleHeader = FormatDecoder(
    name: "bundle-header", samples: [bundle(hasHomeNames: false), bundle(hasHomeNames: true)],
    reseal: { bytes in
      guard bytes.count >= BundleHeader.byteCount else { return }
      bytes.withUnsafeMutableBytes { seal($0, at: 56) }
    },
    decode: { (bytes) throws(FormatError) in
      let header = try BundleHeader.decode(bytes.bytes)
      let stored = UnsafeRawBufferPointer(rebasing: bytes[BundleHeader.byteCount...])
      try header.verify(directory: stored.bytes)
      let directory = try BundleDirectory.decode(
        stored.bytes, rawByteCount: Int(header.directoryRawByteCount),
        frameCount: Int(header.frameCount), hasHomeNames: header.hasHomeNames)
      precondition(directory.entries.count == Int(header.frameCount))
    })

  /// Input: rawByteCount u32, frameCount u32, hasHomeNames u8, stored directory.
  static let bundleDirectory = FormatDecoder(
    name: "bundle-directory",
    samples: [false, true].map { hasHomeNames in
      let directory = SampleValues.directory(hasHomeNames: hasHomeNames)
      let (stored, rawByteCount) = directory.encode(hasHomeNames: hasHomeNames)
      return encoded(byteCount: 9) {
        $0.storeBytes(of: UInt32(rawByteCount).littleEndian, as: UInt32.self)
        let count = UInt32(directory.entries.count)
        $0.storeBytes(of: count.littleEndian, toByteOffset: 4, as: UInt32.self)
        $0[8] = hasHomeNames ? 1 : 0
      } + stored
    }
  ) { (bytes) throws(FormatError) in
    guard bytes.count >= 9 else { return }
    let rawByteCount = bytes.loadUnaligned(as: UInt32.self)
    let frameCount = bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self)
    let hasHomeNames = bytes[8] & 1 == 1
    let value = try BundleDirectory.decode(
      UnsafeRawBufferPointer(rebasing: bytes[9...]).bytes,
      rawByteCount: Int(UInt32(littleEndian: rawByteCount)),
      frameCount: Int(UInt32(littleEndian: frameCount)), hasHomeNames: hasHomeNames)
    let again = value.encode(hasHomeNames: hasHomeNames)
    expectEqual(
      try BundleDirectory.decode(
        again.bytes.span.bytes, rawByteCount: again.rawByteCount,
        frameCount: value.entries.count, hasHomeNames: hasHomeNames), value)
  }

  /// Input: encoding u8 (of `FrameEncoding`), payload; a delta's base is `basePage`.
  static let page = FormatDecoder(name: "page", samples: pageSamples) {
    (bytes) throws(FormatError) in
    guard let first = bytes.first, let encoding = FrameEncoding(rawValue: first) else { return }
    let codec = PageCodec(pageByteCount: 8192)
    let page = UnsafeMutableRawBufferPointer.allocate(byteCount: 8192, alignment: 16)
    defer { page.deallocate() }
    let base = UnsafeMutableRawBufferPointer.allocate(byteCount: 8192, alignment: 16)
    defer { base.deallocate() }
    base.copyBytes(from: basePage)
    try codec.decode(
      UnsafeRawBufferPointer(rebasing: bytes[1...]), encoding: encoding,
      base: UnsafeRawBufferPointer(base), into: page)
  }

  /// Input: a full node.
  static let fullNode = FormatDecoder(
    name: "full-node", samples: fullNodes, reseal: resealing(at: 40)
  ) { (bytes) throws(FormatError) in
    var refs = [Ref](repeating: .hole, count: NodeCodec.slotCount)
    let codec = NodeCodec()
    let header = try codec.decodeFull(bytes, into: &refs)
    var again: [UInt8] = []
    codec.encodeFull(header, refs: refs, into: &again)
    var refsAgain = refs
    let headerAgain = try again.span.bytes.withUnsafeBytes { (again) throws(FormatError) in
      try codec.decodeFull(again, into: &refsAgain)
    }
    precondition(headerAgain == header && refsAgain == refs)
  }

  /// Input: a node as overrides on the refs `baseRefs`.
  static let overrideNode = FormatDecoder(
    name: "override-node", samples: overrideNodes, reseal: resealing(at: 56)
  ) { (bytes) throws(FormatError) in
    var refs = [Ref](repeating: .hole, count: NodeCodec.slotCount)
    let codec = NodeCodec()
    let base = try NodeCodec.baseLocator(of: bytes)
    let header = try codec.decodeOverrides(bytes, baseRefs: baseRefs, into: &refs)
    var again: [UInt8] = []
    codec.encodeOverrides(header, refs: refs, base: base, baseRefs: baseRefs, into: &again)
    var refsAgain = baseRefs
    let headerAgain = try again.span.bytes.withUnsafeBytes { (again) throws(FormatError) in
      try codec.decodeOverrides(again, baseRefs: baseRefs, into: &refsAgain)
    }
    precondition(headerAgain == header && refsAgain == refs)
  }

  static let basePage: [UInt8] = {
    var random = SplitMix64(seed: 4)
    return SamplePages.heap(&random)
  }()

  static let baseRefs: [Ref] = {
    var random = SplitMix64(seed: 5)
    return SampleRefs.sequential(&random)
  }()

  private static func bundle(hasHomeNames: Bool) -> [UInt8] {
    let directory = SampleValues.directory(hasHomeNames: hasHomeNames)
    let (stored, rawByteCount) = directory.encode(hasHomeNames: hasHomeNames)
    let header = BundleHeader(
      segment: SegmentID(12), firstOrdinal: 100, frameCount: UInt32(directory.entries.count),
      directoryByteCount: UInt32(stored.count), directoryRawByteCount: UInt32(rawByteCount),
      framesByteCount: 1 << 20, lsn: LSN(77), hasHomeNames: hasHomeNames)
    return encoded(byteCount: BundleHeader.byteCount) { block in
      stored.withUnsafeBytes { header.encode(into: block, directory: $0) }
    } + stored
  }

  private static let pageSamples: [[UInt8]] = {
    var random = SplitMix64(seed: 6)
    let codec = PageCodec(pageByteCount: 8192)
    let full = encoded(codec) { output in
      basePage.withUnsafeBytes { codec.encodeFull($0, into: output).byteCount }
    }
    let page = SamplePages.updated(basePage, &random)
    let delta = encoded(codec) { output in
      page.withUnsafeBytes { page in
        basePage.withUnsafeBytes { codec.encodeDelta(page, base: $0, .inPlace, into: output) ?? 0 }
      }
    }
    return [
      [FrameEncoding.raw.rawValue] + random.bytes(8192), [FrameEncoding.zstd.rawValue] + full,
      [FrameEncoding.zstdOnBase.rawValue] + delta,
    ]
  }()

  private static func encoded(
    _ codec: PageCodec, _ encode: (UnsafeMutableRawBufferPointer) -> Int
  ) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: codec.outputByteCountMax) { buffer, count in
      count = encode(UnsafeMutableRawBufferPointer(buffer))
    }
  }

  private static let fullNodes: [[UInt8]] = {
    var random = SplitMix64(seed: 7)
    let leaf = header(.volumeNode, level: 0, firstKey: 512)
    let inner = NodeHeader(
      kind: .volumeNode, level: 0, firstKey: 256, id: PageHash(low: 11, high: 12))
    return [
      node(inner, refs: baseRefs), node(leaf, refs: baseRefs),
      node(leaf, refs: SampleRefs.scattered(&random)),
      node(leaf, refs: SampleRefs.overridden(baseRefs, count: 60, &random)),
      node(
        header(.volumeNode, level: 2, firstKey: 1 << 24),
        refs: SampleRefs.scattered(kind: .volumeNode, &random)),
      node(
        header(.tableNode, level: 0, firstKey: 0),
        refs: SampleRefs.sequential(kind: .volumeNode, &random)),
      node(leaf, refs: [Ref](repeating: .hole, count: NodeCodec.slotCount)),
    ]
  }()

  private static let overrideNodes: [[UInt8]] = {
    var random = SplitMix64(seed: 8)
    var holes = baseRefs
    for slot in 3..<9 { holes[slot] = .hole }
    let changed = [
      SampleRefs.overridden(baseRefs, count: 10, &random),
      SampleRefs.overridden(baseRefs, count: 100, &random), holes, baseRefs,
      SampleRefs.scattered(&random),
    ]
    let leaf = header(.volumeNode, level: 0, firstKey: 512)
    return changed.map { refs in
      var stored: [UInt8] = []
      NodeCodec().encodeOverrides(
        leaf, refs: refs, base: SampleRefs.base(.volumeNode), baseRefs: baseRefs, into: &stored)
      return stored
    }
  }()

  private static func header(_ kind: FrameKind, level: UInt8, firstKey: UInt64) -> NodeHeader {
    NodeHeader(
      kind: kind, level: level, firstKey: firstKey, byteCount: 1 << 30,
      modified: SampleValues.time, id: PageHash(low: 11, high: 12))
  }

  private static func node(_ header: NodeHeader, refs: [Ref]) -> [UInt8] {
    var stored: [UInt8] = []
    NodeCodec().encodeFull(header, refs: refs, into: &stored)
    return stored
  }
}
