internal import CoppiceErrors
internal import CoppiceFormat
internal import Synchronization

/// What a segment's index says, frame by frame.
struct SegmentFrames: Sendable {
  struct Frame: Sendable {
    let ref: Ref
    let base: FrameName
    let volume: VolumeNumber
    let page: PageNumber
  }

  let frames: [Frame]

  /// Throws `.malformed` for frames that no segment has room for.
  init(_ index: PoolSegmentIndex, of id: SegmentID) throws(FormatError) {
    var frames: [Frame] = []
    frames.reserveCapacity(index.frameCount)
    for bundle in index.bundles {
      let first = UInt64(bundle.offset) + UInt64(BundleHeader.byteCount)
      let end = bundle.directory.entries.reduce(first) { $0 + UInt64($1.storedByteCount) }
      guard end <= UInt64(UInt32.max) else {
        throw .malformed(what: "index of a pool's segment")
      }
      var offset = UInt32(first)
      for (place, entry) in bundle.directory.entries.enumerated() {
        let name =
          bundle.hasHomeNames
          ? entry.home
          : FrameName(segment: id, ordinal: bundle.firstOrdinal + UInt32(place))
        frames.append(
          Frame(
            ref: Ref(
              hash: bundle.hash(ofFrame: place),
              locator: Locator(
                name: name, offset: offset, storedByteCount: entry.storedByteCount,
                form: entry.form)),
            base: entry.base, volume: entry.volume, page: entry.page))
        offset += UInt32(entry.storedByteCount)
      }
    }
    self.frames = frames
  }

  /// A frame of the segment's own.
  func frame(_ name: FrameName) -> Frame? {
    let place = Int(name.ordinal)
    if place < frames.count, frames[place].ref.locator.name == name { return frames[place] }
    return frames.first { $0.ref.locator.name == name }
  }
}

extension PoolContent {
  /// What the segment's index says.
  func frames(of id: SegmentID) throws(StoreError) -> SegmentFrames {
    if let known = indexTable.withLock({ $0[id] }) { return known }
    let frames: SegmentFrames
    if let cached = cache?.bytes(.index, id), let known = try? decode(cached, id) {
      frames = known
    } else {
      frames = try twice { () throws(StoreError) in
        let fetched = try fetchIndex(of: id)
        let frames = try decode(fetched, id)
        cache?.insert(fetched, .index, id)
        return frames
      }
    }
    indexTable.withLock { table in
      if table.count >= Self.indexCountMax { table = [:] }
      table[id] = frames
    }
    return frames
  }

  private static let indexCountMax = 64
  /// Most indexes lie in what is read with the footer.
  private static let tailByteCount = 1 << 18

  /// The full page that a derived one of the pool builds on; `nil` where the index tells of none.
  func base(of page: Ref) throws(StoreError) -> Ref? {
    let name = page.locator.name
    guard let base = try frames(of: name.segment).frame(name)?.base, base != .none else {
      return nil
    }
    return try frames(of: base.segment).frame(base)?.ref
  }

  /// Byte count of the segment, index and footer, as the cache keeps them.
  private func fetchIndex(of id: SegmentID) throws(StoreError) -> [UInt8] {
    let end = try reader(of: id).header.contentByteCount
    guard end >= PoolSegmentFooter.byteCount else {
      throw StoreError(.corrupt, "has no index", object: PoolObjectName.segment(id).key)
    }
    let start = max(0, end - Self.tailByteCount)
    let tail = try bytes(start..<end, of: id)
    let footer = try footer(tail, segmentByteCount: end, id)
    let from = Int(footer.indexOffset)
    let index =
      from >= start ? Array(tail[(from - start)...]) : try bytes(from..<end, of: id)
    return withUnsafeBytes(of: UInt64(end).littleEndian) { Array($0) } + index
  }

  private func decode(_ bytes: [UInt8], _ id: SegmentID) throws(StoreError) -> SegmentFrames {
    let end = bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self).littleEndian }
    let content = Array(bytes.dropFirst(8))
    let footer = try footer(content, segmentByteCount: Int(clamping: end), id)
    let index = Array(content.dropLast(PoolSegmentFooter.byteCount))
    return try StoreError.decoding(PoolObjectName.segment(id).key) { () throws(FormatError) in
      try SegmentFrames(try PoolSegmentIndex.decode(index.span.bytes, footer), of: id)
    }
  }

  private func footer(
    _ tail: [UInt8], segmentByteCount: Int, _ id: SegmentID
  ) throws(StoreError) -> PoolSegmentFooter {
    let bytes = Array(tail.suffix(PoolSegmentFooter.byteCount))
    return try StoreError.decoding(PoolObjectName.segment(id).key) { () throws(FormatError) in
      try PoolSegmentFooter.decode(bytes.span.bytes, segmentByteCount: segmentByteCount)
    }
  }
}
