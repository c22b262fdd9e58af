internal import CoppiceFormat
internal import CoppicePlatform

/// Goes through the bundles of a segment's published part, in order: strictly, for whom anything
/// that is not as it was written ends it, or as a scan that goes on behind what is damaged.
struct BundleReader {
  enum Item {
    case bundle(BundleInspection)
    case damage(Damage)
  }

  /// A part of the segment in which no whole bundle lies.
  struct Damage {
    var offset: UInt64
    /// Where the next whole bundle begins, or the published part ends.
    var end: UInt64
    var message: String
    /// The frames that should lie there.
    var ordinals: Range<UInt32>
  }

  let segment: SegmentHandle
  let entry: SegmentEntry

  private static let magic: [UInt8] = Array("CpBd".utf8)
  private static let windowByteCount = 1 << 20

  init(_ segment: SegmentHandle, _ entry: SegmentEntry) {
    self.segment = segment
    self.entry = entry
  }

  /// Visits every bundle. Throws `corrupt` where they do not fill the published part exactly.
  func forEach(_ visit: (Bundle) throws(StoreError) -> Void) throws(StoreError) {
    var offset = UInt64(SegmentHeader.byteCount)
    var ordinal: UInt32 = 0
    while offset < entry.byteCount {
      let bundle: Bundle
      do throws(SegmentError) {
        bundle = try Bundle.read(segment, at: offset, end: entry.byteCount)
        guard bundle.header.firstOrdinal == ordinal else { throw .strayBundle(entry.id, offset) }
      } catch {
        throw StoreError(error, while: "reading a bundle directory")
      }
      try visit(bundle)
      ordinal += bundle.header.frameCount
      offset = bundle.end
    }
    guard offset == entry.byteCount, ordinal == entry.frameCount else {
      throw StoreError(
        .corrupt,
        "its bundles end at \(offset) with \(ordinal) frames, published are \(entry.byteCount) "
          + "bytes with \(entry.frameCount)", object: SegmentStore.path(entry.id),
        remedy: .damagedStructure)
    }
  }

  /// Visits whole bundles and what is damaged between them. Throws what says nothing of what is
  /// stored, and what `visit` throws; nothing else.
  func scan(_ visit: (Item) throws(StoreError) -> Void) throws(StoreError) {
    var offset = UInt64(SegmentHeader.byteCount)
    var ordinal: UInt32 = 0
    while offset < entry.byteCount {
      let problem: SegmentError
      switch try bundle(at: offset) {
      case .success(let bundle) where fits(bundle, ordinal):
        try visit(.bundle(BundleInspection(bundle)))
        offset = bundle.end
        ordinal += bundle.header.frameCount
        continue
      case .success: problem = .strayBundle(entry.id, offset)
      case .failure(let error): problem = error
      }
      let next = try nextBundle(behind: offset, ordinal: ordinal)
      let end = next?.header.firstOrdinal ?? max(ordinal, entry.frameCount)
      let message = next == nil ? lack ?? problem.message : problem.message
      let damage = Damage(
        offset: offset, end: next?.offset ?? entry.byteCount, message: message,
        ordinals: ordinal..<max(ordinal, end))
      try visit(.damage(damage))
      offset = damage.end
      ordinal = max(ordinal, end)
    }
    if ordinal != entry.frameCount, !entry.flags.contains(.host) {
      let message = "\(quantity(Int(ordinal), "frame")) found, \(entry.frameCount) published"
      let lost = min(ordinal, entry.frameCount)..<entry.frameCount
      try visit(
        .damage(Damage(offset: offset, end: offset, message: message, ordinals: lost)))
    }
  }

  /// Visits the frames of whole bundles; throws as `scan` does.
  func forEachFrame(_ visit: (FrameInspection) throws(StoreError) -> Void)
    throws(StoreError)
  {
    try scan { item throws(StoreError) in
      guard case .bundle(let bundle) = item else { return }
      for frame in bundle.frames { try visit(frame) }
    }
  }

  /// The part of the published bytes that the segment has. What cannot be asked is all there.
  private var presentByteCount: UInt64 {
    min((try? segment.byteCount()) ?? entry.byteCount, entry.byteCount)
  }

  /// What is to be said of a segment that ends too early; `nil` of any other.
  private var lack: String? {
    let count = presentByteCount
    return count < entry.byteCount
      ? "the file has \(count) bytes, published are \(entry.byteCount)" : nil
  }

  private func fits(_ bundle: Bundle, _ ordinal: UInt32) -> Bool {
    bundle.header.hasHomeNames || bundle.header.firstOrdinal == ordinal
  }

  /// The bundle there, or what is wrong with it.
  private func bundle(at offset: UInt64) throws(StoreError) -> Result<Bundle, SegmentError> {
    do throws(SegmentError) {
      return .success(try Bundle.read(segment, at: offset, end: entry.byteCount))
    } catch {
      if error.saysNothingOfContent { throw StoreError(error, while: "reading a bundle") }
      return .failure(error)
    }
  }

  /// The next whole bundle, found by its magic and proven by its checksum.
  private func nextBundle(behind offset: UInt64, ordinal: UInt32) throws(StoreError) -> Bundle? {
    var start = offset + 1
    let present = presentByteCount
    while start < present {
      let count = Int(min(UInt64(Self.windowByteCount), present - start))
      // Unreadable parts are passed over.
      let window = try readable(segment.bytes(at: start, count: count)) ?? []
      var index = 0
      while index + Self.magic.count <= window.count {
        if window[index] == Self.magic[0],
          window[index..<index + Self.magic.count].elementsEqual(Self.magic),
          case .success(let found) = try bundle(at: start + UInt64(index)),
          found.header.hasHomeNames || found.header.firstOrdinal >= ordinal
        {
          return found
        }
        index += 1
      }
      if count <= Self.magic.count { return nil }
      start += UInt64(count - Self.magic.count + 1)
    }
    return nil
  }
}

extension SegmentStore {
  /// Visits every frame of these segments that a directory tells of, segment by segment in the
  /// order of their ids. What is damaged or missing is passed over.
  func scanFrames(
    of segments: some Sequence<SegmentEntry>,
    _ visit: (FrameInspection, SegmentEntry) throws(StoreError) -> Void
  ) throws(StoreError) {
    for entry in segments.sorted(by: { $0.id < $1.id }) {
      guard let segment = try openReadable(entry.id) else { continue }
      try BundleReader(segment, entry).forEachFrame { frame throws(StoreError) in
        try visit(frame, entry)
      }
    }
  }
}
