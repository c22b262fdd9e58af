internal import CoppiceFormat
internal import CoppicePlatform

/// Finds the bundles of the published part of a segment, going on behind damaged ones.
struct BundleScan {
  enum Item {
    case bundle(BundleInspection)
    case damage(Damage)
  }

  /// A part of the file in which no whole bundle lies.
  struct Damage {
    var offset: UInt64
    /// Where the next whole bundle begins, or the published part ends.
    var end: UInt64
    var message: String
    /// The frames that should lie there.
    var ordinals: Range<UInt32>
  }

  let file: SegmentHandle
  let segment: SegmentEntry

  private static let magic: [UInt8] = Array("CpBd".utf8)
  private static let windowByteCount = 1 << 20

  /// Throws what says nothing of what is stored, and what `visit` throws; nothing else.
  func scan(_ visit: (Item) throws(StoreError) -> Void) throws(StoreError) {
    var offset = UInt64(SegmentHeader.byteCount)
    var ordinal: UInt32 = 0
    while offset < segment.byteCount {
      let problem: String
      switch try bundle(at: offset) {
      case .success(let bundle?) where fits(bundle, ordinal):
        try visit(.bundle(bundle))
        offset += UInt64(bundle.header.bundleByteCount)
        ordinal += bundle.header.frameCount
        continue
      case .success: problem = "the bundle belongs to another place"
      case .failure(let error): problem = "\(error)"
      }
      let next = try nextBundle(behind: offset, ordinal: ordinal)
      let end = next?.header.firstOrdinal ?? max(ordinal, segment.frameCount)
      let damage = Damage(
        offset: offset, end: next?.offset ?? segment.byteCount,
        message: next == nil ? lack ?? problem : problem, ordinals: ordinal..<max(ordinal, end))
      try visit(.damage(damage))
      offset = damage.end
      ordinal = max(ordinal, end)
    }
    if ordinal != segment.frameCount, !segment.flags.contains(.host) {
      let message = "\(quantity(Int(ordinal), "frame")) found, \(segment.frameCount) published"
      let lost = min(ordinal, segment.frameCount)..<segment.frameCount
      try visit(
        .damage(Damage(offset: offset, end: offset, message: message, ordinals: lost)))
    }
  }

  /// The part of the published bytes that the file has. What cannot be asked is all there.
  private var presentByteCount: UInt64 {
    min((try? file.byteCount()) ?? segment.byteCount, segment.byteCount)
  }

  /// What is to be said of a file that ends too early; `nil` of any other.
  private var lack: String? {
    let count = presentByteCount
    return count < segment.byteCount
      ? "the file has \(count) bytes, published are \(segment.byteCount)" : nil
  }

  /// Visits the frames of whole bundles.
  func forEachFrame(_ visit: (FrameInspection) throws(StoreError) -> Void)
    throws(StoreError)
  {
    try scan { item throws(StoreError) in
      guard case .bundle(let bundle) = item else { return }
      for frame in bundle.frames { try visit(frame) }
    }
  }

  private func fits(_ bundle: BundleInspection, _ ordinal: UInt32) -> Bool {
    bundle.header.hasHomeNames || bundle.header.firstOrdinal == ordinal
  }

  private func bundle(at offset: UInt64) throws(StoreError) -> BundleReader.Outcome {
    let outcome = try BundleReader(file, segment.id, at: offset, end: segment.byteCount).read()
    if case .success(nil) = outcome { return .failure(.malformed(what: "bundle's length")) }
    return outcome
  }

  /// The next whole bundle, found by its magic and proven by its checksum.
  private func nextBundle(behind offset: UInt64, ordinal: UInt32) throws(StoreError)
    -> BundleInspection?
  {
    var start = offset + 1
    let present = presentByteCount
    while start < present {
      let count = Int(min(UInt64(Self.windowByteCount), present - start))
      // Unreadable parts are passed over.
      let window = try readable(file.bytes(at: start, count: count)) ?? []
      var index = 0
      while index + Self.magic.count <= window.count {
        if window[index] == Self.magic[0],
          window[index..<index + Self.magic.count].elementsEqual(Self.magic),
          case .success(let found?) = try bundle(at: start + UInt64(index)),
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
    for segment in segments.sorted(by: { $0.id < $1.id }) {
      guard let file = try openReadable(segment.id) else { continue }
      try BundleScan(file: file, segment: segment).forEachFrame { frame throws(StoreError) in
        try visit(frame, segment)
      }
    }
  }
}
