internal import Coppice
internal import CoppiceFormat

/// A segment file's bundles and frames, from their directories.
struct SegmentInspection: Reply {
  struct Bundle: Encodable {
    var offset: Int
    var firstOrdinal: UInt32
    var frameCount: UInt32
    var framesByteCount: UInt32
    var directoryByteCount: UInt32
    var lsn: UInt64
    var hasHomeNames: Bool
  }

  struct Frame: Encodable {
    var name: String
    var offset: UInt32
    var storedByteCount: Int
    var form: String
    var volume: UInt64
    var page: UInt64
    var base: String?
    var home: String?
  }

  struct Total: Encodable {
    var form: String
    var frameCount: Int
    var storedByteCount: Int
  }

  var id: UInt64
  var domain: UInt32
  var byteCount: Int
  var bundles: [Bundle] = []
  var totals: [Total] = []
  /// Only when they were asked for.
  var frames: [Frame]?
  private var locators: [FrameName: Locator] = [:]

  private enum CodingKeys: String, CodingKey {
    case id, domain, byteCount, bundles, totals, frames
  }

  /// `lists` says whether every frame is to be listed.
  init(_ id: SegmentID, _ store: StoreFiles, lists: Bool) throws(StoreError) {
    let path = SegmentInspection.path(id)
    let bytes = try store.bytes(of: path)
    let header = try StoreFiles.decoding(path) { () throws(FormatError) in
      try SegmentHeader.decode(Array(bytes.prefix(SegmentHeader.byteCount)).span.bytes)
    }
    self.id = header.segment.rawValue
    domain = header.domain.rawValue
    byteCount = bytes.count
    if lists { frames = [] }
    var totals: [FrameForm: (count: Int, byteCount: Int)] = [:]
    var offset = SegmentHeader.byteCount
    while offset < bytes.count {
      guard let (bundle, directory) = try SegmentInspection.bundle(bytes, offset, path) else {
        break
      }
      add(bundle, directory, at: offset, of: header.segment, &totals)
      offset += bundle.bundleByteCount
    }
    self.totals = totals.sorted { $0.key.rawValue < $1.key.rawValue }.map {
      Total(form: $0.key.text, frameCount: $0.value.count, storedByteCount: $0.value.byteCount)
    }
  }

  static func path(_ id: SegmentID) -> String {
    let digits = String(id.rawValue, radix: 16)
    return "segments/\(String(repeating: "0", count: max(0, 10 - digits.count)))\(digits)"
  }

  /// Where a frame of this segment lies.
  func locator(of name: FrameName) -> Locator? { locators[name] }

  /// The bundle at an offset; `nil` for the zeros that a crash can leave at the end.
  private static func bundle(
    _ bytes: [UInt8], _ offset: Int, _ path: String
  ) throws(StoreError) -> (BundleHeader, BundleDirectory)? {
    let object = "\(path) bundle at offset \(offset)"
    let start = Array(bytes[offset..<min(bytes.count, offset + BundleHeader.byteCount)])
    guard start.contains(where: { $0 != 0 }) else { return nil }
    return try StoreFiles.decoding(object) { () throws(FormatError) in
      let header = try BundleHeader.decode(start.span.bytes)
      let directoryStart = offset + header.directoryOffset
      let end = directoryStart + Int(header.directoryByteCount)
      guard end <= bytes.count else {
        throw .truncated(what: "bundle", needed: end, available: bytes.count)
      }
      let stored = Array(bytes[directoryStart..<end])
      try header.verify(directory: stored.span.bytes)
      return (
        header,
        try BundleDirectory.decode(
          stored.span.bytes, rawByteCount: Int(header.directoryRawByteCount),
          frameCount: Int(header.frameCount), hasHomeNames: header.hasHomeNames)
      )
    }
  }

  private mutating func add(
    _ header: BundleHeader, _ directory: BundleDirectory, at offset: Int, of segment: SegmentID,
    _ totals: inout [FrameForm: (count: Int, byteCount: Int)]
  ) {
    bundles.append(
      Bundle(
        offset: offset, firstOrdinal: header.firstOrdinal, frameCount: header.frameCount,
        framesByteCount: header.framesByteCount, directoryByteCount: header.directoryByteCount,
        lsn: header.lsn.rawValue, hasHomeNames: header.hasHomeNames))
    var place = UInt32(clamping: offset + BundleHeader.byteCount)
    for (index, entry) in directory.entries.enumerated() {
      let name = FrameName(
        segment: segment, ordinal: header.firstOrdinal + UInt32(clamping: index))
      locators[name] = Locator(
        name: name, offset: place, storedByteCount: entry.storedByteCount, form: entry.form)
      frames?.append(
        Frame(
          name: name.text, offset: place, storedByteCount: entry.storedByteCount,
          form: entry.form.text, volume: entry.volume.rawValue, page: entry.page.rawValue,
          base: entry.base == .none ? nil : entry.base.text,
          home: entry.home == .none ? nil : entry.home.text))
      totals[entry.form, default: (0, 0)].count += 1
      totals[entry.form, default: (0, 0)].byteCount += entry.storedByteCount
      place += UInt32(clamping: entry.storedByteCount)
    }
  }

  var text: String {
    var text = "segment \(id), domain \(domain), \(byteCount) bytes, "
    text += "\(Output.count(bundles.count, "bundle"))\n\n"
    var table = TextTable(("frames", .right), ("bytes", .right), ("form", .left))
    for total in totals {
      table.add("\(total.frameCount)", "\(total.storedByteCount)", total.form)
    }
    text += table.text
    guard let frames else { return text }
    var list = TextTable(
      ("name", .left), ("offset", .right), ("bytes", .right), ("file", .right),
      ("page", .right), ("base", .left), ("form", .left))
    for frame in frames {
      list.add(
        frame.name, "\(frame.offset)", "\(frame.storedByteCount)", "\(frame.volume)",
        "\(frame.page)", frame.base ?? "", frame.form)
    }
    return text + "\n" + list.text
  }
}
