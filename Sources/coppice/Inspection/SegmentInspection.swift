internal import Coppice
internal import CoppiceEngine
internal import CoppiceFormat

/// A segment file's bundles and frames, from their directories.
struct SegmentInspection: Reply, Decodable {
  struct Bundle: Codable {
    var offset: UInt64
    var firstOrdinal: UInt32
    var frameCount: UInt32
    var framesByteCount: UInt32
    var directoryByteCount: UInt32
    var lsn: UInt64
    var hasHomeNames: Bool
  }

  struct Frame: Codable {
    var name: String
    var offset: UInt32
    var storedByteCount: Int
    var form: String
    var volume: UInt64
    var page: UInt64
    var base: String?
    var home: String?
  }

  struct Total: Codable {
    var form: String
    var frameCount: Int
    var storedByteCount: Int
  }

  var id: UInt64
  var domain: UInt32
  var byteCount: UInt64
  var bundles: [Bundle] = []
  var totals: [Total] = []
  /// Only when they were asked for.
  var frames: [Frame]?
  /// Why the bundles end before the file does, if they do.
  var problem: String?

  /// `lists` says whether every frame is to be listed.
  init(_ id: SegmentID, _ inspector: StoreInspector, lists: Bool) throws(StoreError) {
    let segment = try inspector.segment(id)
    self.id = id.rawValue
    domain = segment.header?.domain.rawValue ?? 0
    byteCount = segment.byteCount
    problem = segment.problem
    bundles = segment.bundles.map(Bundle.init)
    if lists { frames = segment.bundles.flatMap { Frame.all(of: $0, in: id) } }
    var counts: [FrameForm: (count: Int, byteCount: Int)] = [:]
    for frame in segment.bundles.flatMap(\.frames) {
      counts[frame.locator.form, default: (0, 0)].count += 1
      counts[frame.locator.form, default: (0, 0)].byteCount += frame.locator.storedByteCount
    }
    totals = counts.sorted { $0.key.rawValue < $1.key.rawValue }.map {
      Total(form: $0.key.text, frameCount: $0.value.count, storedByteCount: $0.value.byteCount)
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
    if let problem { text += "\(Output.printable(problem))\n" }
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

extension SegmentInspection.Bundle {
  fileprivate init(_ bundle: BundleInspection) {
    let header = bundle.header
    self.init(
      offset: bundle.offset, firstOrdinal: header.firstOrdinal, frameCount: header.frameCount,
      framesByteCount: header.framesByteCount, directoryByteCount: header.directoryByteCount,
      lsn: header.lsn.rawValue, hasHomeNames: header.hasHomeNames)
  }
}

extension SegmentInspection.Frame {
  /// By their places: frames that moved here have names of their former segments besides.
  fileprivate static func all(
    of bundle: BundleInspection, in segment: SegmentID
  ) -> [Self] {
    bundle.frames.enumerated().map { index, frame in
      let place = FrameName(
        segment: segment, ordinal: bundle.header.firstOrdinal + UInt32(index))
      let entry = frame.entry
      return Self(
        name: place.description, offset: frame.locator.offset,
        storedByteCount: frame.locator.storedByteCount, form: entry.form.text,
        volume: entry.volume.rawValue, page: entry.page.rawValue,
        base: entry.base == .none ? nil : entry.base.description,
        home: entry.home == .none ? nil : entry.home.description)
    }
  }
}
