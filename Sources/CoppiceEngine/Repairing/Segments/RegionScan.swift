internal import CoppiceFormat
internal import CoppicePlatform

/// Looks for missing frames in a damaged part of a host, from every byte on.
struct RegionScan {
  let engine: Engine
  let search: MissingFrameSearch
  let missing: MissingFrames
  private(set) var found: [FrameName: RetiredFrames.Found] = [:]
  /// Pages that seem to build on a missing base.
  private(set) var likely: [(base: Locator, dependent: MissingFrames.Dependent)] = []
  private let page: PageBuffer
  private let forms: Set<FrameForm>

  init(engine: Engine, search: MissingFrameSearch, missing: MissingFrames) {
    self.engine = engine
    self.search = search
    self.missing = missing
    page = engine.core.buffers.acquire()
    forms = Set(
      missing.refs.values.joined().map(\.locator.form) + missing.bases.values.map(\.locator.form))
  }

  mutating func run(_ region: DamagedRegion) throws(StoreError) {
    let outcome = region.bytes.withUnsafeBytes { bytes in
      Result { () throws(StoreError) in
        try engine.core.frames.codecs.withSet { set throws(StoreError) in
          for gap in region.gaps { try run(region, gap, bytes, set) }
        }
      }
    }
    try outcome.get()
  }

  private mutating func run(
    _ region: DamagedRegion, _ gap: Range<Int>, _ bytes: UnsafeRawBufferPointer, _ set: CodecSet
  ) throws(StoreError) {
    var start = gap.lowerBound
    // A frame begins where another ended.
    var isBoundary = true
    while start < gap.upperBound {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[start..<gap.upperBound])
      isBoundary = isBoundary || rest.count == engine.pageByteCount
      if let locator = try find(rest, set, region, start, isBoundary: isBoundary) {
        region.claim(start..<start + locator.storedByteCount)
        start += locator.storedByteCount
        isBoundary = true
      } else {
        start += 1
        isBoundary = false
      }
    }
  }

  private mutating func find(
    _ bytes: UnsafeRawBufferPointer, _ set: CodecSet, _ region: DamagedRegion, _ start: Int,
    isBoundary: Bool
  ) throws(StoreError) -> Locator? {
    if let node = try node(bytes, set, region, start) { return node }
    if let page = try fullPage(bytes, set, region, start, isBoundary: isBoundary) { return page }
    return try derivedPage(bytes, set, region, start)
  }

  /// Takes a place for all missing frames of this content that are stored so; duplicates are alike.
  private mutating func take(
    _ region: DamagedRegion, _ start: Int, _ hash: PageHash, _ form: FrameForm, _ byteCount: Int
  ) -> Locator? {
    var taken: Locator?
    for ref in missing.refs[hash] ?? []
    where ref.locator.form == form && ref.locator.storedByteCount == byteCount {
      found[ref.locator.name] = region.place(start, ref.locator, hashPrefix: hash.low)
      taken = ref.locator
    }
    return taken
  }

  // MARK: Nodes

  /// A node bears its id, and a checksum that holds for its byte count only.
  private mutating func node(
    _ bytes: UnsafeRawBufferPointer, _ set: CodecSet, _ region: DamagedRegion, _ start: Int
  ) throws(StoreError) -> Locator? {
    for isDerived in [false, true] {
      guard let id = NodeCodec.likelyID(at: bytes, isDerived: isDerived) else { continue }
      for ref in missing.refs[id] ?? []
      where ref.locator.form.isDerived == isDerived && ref.locator.storedByteCount <= bytes.count {
        let stored = UnsafeRawBufferPointer(rebasing: bytes[..<ref.locator.storedByteCount])
        let header = try? NodeCodec.header(of: stored, isDerived: isDerived)
        guard let header, header.id == id, header.kind == ref.locator.form.kind else { continue }
        return take(region, start, id, ref.locator.form, stored.count)
      }
      if !isDerived, let base = try baseNode(bytes, set) {
        found[base.name] = region.place(start, base, hashPrefix: id.low)
        return base
      }
    }
    return nil
  }

  private func baseNode(_ bytes: UnsafeRawBufferPointer, _ set: CodecSet) throws(StoreError)
    -> Locator?
  {
    let refs = Node.allocateRefs()
    let own = Node.allocateRefs()
    defer {
      refs.deallocate()
      own.deallocate()
    }
    for base in missing.bases.values
    where base.locator.form.encoding == .columns && base.locator.storedByteCount <= bytes.count {
      let stored = UnsafeRawBufferPointer(rebasing: bytes[..<base.locator.storedByteCount])
      guard (try? set.nodes.decodeFull(stored, into: refs)) != nil else { continue }
      for case .stored(let locator, let hashPrefix) in base.dependents {
        guard let derived = try readable(engine.core.frames.storedBytes(locator, set)),
          let header = try? set.nodes.decodeOverrides(derived, baseRefs: refs, into: own)
        else { continue }
        let id = NodeCodec.identify(header, refs: own, secret: engine.core.secret)
        if id == header.id, id.low == hashPrefix { return base.locator }
      }
    }
    return nil
  }

  // MARK: Pages

  private mutating func fullPage(
    _ bytes: UnsafeRawBufferPointer, _ set: CodecSet, _ region: DamagedRegion, _ start: Int,
    isBoundary: Bool
  ) throws(StoreError) -> Locator? {
    let compressed = FrameForm(.page, .zstd)
    if forms.contains(compressed),
      let byteCount = set.pages.decodeBeginning(of: bytes, base: nil, into: page.mutableContents)
    {
      let hash = engine.core.secret.pageHash(page.contents)
      if let locator = take(region, start, hash, compressed, byteCount) { return locator }
      if let locator = try base(compressed, byteCount, hash, set, region, start) {
        return locator
      }
    }
    let raw = FrameForm(.page, .raw)
    guard forms.contains(raw), bytes.count >= engine.pageByteCount else { return nil }
    let content = UnsafeRawBufferPointer(rebasing: bytes[..<engine.pageByteCount])
    let hash = engine.core.secret.pageHash(content)
    if let locator = take(region, start, hash, raw, content.count) { return locator }
    guard isBoundary else { return nil }
    page.mutableContents.copyMemory(from: content)
    return try base(raw, content.count, hash, set, region, start)
  }

  /// The missing base whose content `page` proves to be.
  private mutating func base(
    _ form: FrameForm, _ byteCount: Int, _ hash: PageHash, _ set: CodecSet,
    _ region: DamagedRegion, _ start: Int
  ) throws(StoreError) -> Locator? {
    for base in missing.bases.values
    where base.locator.form == form && base.locator.storedByteCount == byteCount {
      for dependent in base.dependents where try proves(dependent, set) {
        found[base.locator.name] = region.place(start, base.locator, hashPrefix: hash.low)
        return base.locator
      }
    }
    return nil
  }

  private func proves(_ dependent: MissingFrames.Dependent, _ set: CodecSet) throws(StoreError)
    -> Bool
  {
    let derived = engine.core.buffers.acquire()
    switch dependent {
    case .stored(let locator, let hashPrefix):
      guard let stored = try readable(engine.core.frames.storedBytes(locator, set)),
        stored.count > Locator.byteCount
      else { return false }
      let payload = UnsafeRawBufferPointer(rebasing: stored[Locator.byteCount...])
      let isDecoded: Void? = try? set.pages.decode(
        payload, encoding: .zstdOnBase, base: page.contents, into: derived.mutableContents)
      return isDecoded != nil && engine.core.secret.pageHash(derived.contents).low == hashPrefix
    case .likely(let region, let start):
      return region.bytes.withUnsafeBytes { bytes in
        let payload = UnsafeRawBufferPointer(rebasing: bytes[(start + Locator.byteCount)...])
        let byteCount = set.pages.decodeBeginning(
          of: payload, base: page.contents, into: derived.mutableContents)
        guard let byteCount else { return false }
        return missing.refs[engine.core.secret.pageHash(derived.contents)]?.contains {
          $0.locator.form == FrameForm(.page, .zstdOnBase)
            && $0.locator.storedByteCount == byteCount + Locator.byteCount
        } ?? false
      }
    }
  }

  private mutating func derivedPage(
    _ bytes: UnsafeRawBufferPointer, _ set: CodecSet, _ region: DamagedRegion, _ start: Int
  ) throws(StoreError) -> Locator? {
    let form = FrameForm(.page, .zstdOnBase)
    guard forms.contains(form), bytes.count > Locator.byteCount,
      let base = try? Locator(decoding: bytes), base.form.kind == .page, !base.form.isDerived
    else { return nil }
    if try search.isMissing(base.name) {
      likely.append((base, .likely(region, start)))
      return nil
    }
    guard let content = try readable(engine.core.frames.basePage(base, set)) else { return nil }
    let byteCount = set.pages.decodeBeginning(
      of: UnsafeRawBufferPointer(rebasing: bytes[Locator.byteCount...]), base: content.contents,
      into: page.mutableContents)
    guard let byteCount else { return nil }
    return take(
      region, start, engine.core.secret.pageHash(page.contents), form, byteCount + Locator.byteCount
    )
  }
}
