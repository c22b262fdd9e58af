internal import Coppice
internal import CoppiceEngine
internal import CoppiceFormat
internal import CoppiceServer

/// What the newest catalogue file says. Journal records behind it may have changed more since.
struct CatalogueInspection: Reply, Decodable {
  struct Branch: Codable {
    var id: UInt64
    var name: String
    var domain: UInt32
    var isSnapshot: Bool
    var isDeleted: Bool
    /// Deleted, never restored, and not forgotten yet.
    var isCondemned: Bool
    var rootHash: String
    var rootName: String?
    var intervals: [LSNInterval]
    var createdAt: Timestamp
    var annotations: [Annotation]
  }

  struct Annotation: Codable {
    var tag: UInt16
    var byteCount: Int
  }

  struct Setting: Codable {
    var key: String
    var byteCount: Int
  }

  struct LSNInterval: Codable {
    var writer: UInt64
    var from: UInt64
    /// Missing while the interval is open.
    var through: UInt64?
  }

  struct Segment: Codable {
    var id: UInt64
    var domain: UInt32
    var isClosed: Bool
    var isHost: Bool
    var byteCount: UInt64
    var frameCount: UInt32
  }

  struct Retired: Codable {
    var id: UInt64
    var hosts: [UInt64]
  }

  var file: String
  var lsn: UInt64
  var checkpointedAt: Timestamp
  var nextBranch: UInt64
  var nextVolume: UInt64
  var nextSegment: UInt64
  var nextDomain: UInt32
  var branches: [Branch]
  var segments: [Segment]
  var retired: [Retired]
  var settings: [Setting]

  init(_ inspector: StoreInspector) throws(StoreError) {
    guard let newest = try inspector.catalogues().first else {
      throw StoreError(.corrupt, "the store has no catalogue", remedy: "run `coppice repair`")
    }
    let catalogue: Catalogue
    do throws(FormatError) { catalogue = try newest.content.get() } catch {
      throw StoreError(error, in: newest.file)
    }
    file = newest.file
    lsn = catalogue.lsn.rawValue
    checkpointedAt = Timestamp(nanoseconds: catalogue.time)
    nextBranch = catalogue.nextBranch
    nextVolume = catalogue.nextVolume
    nextSegment = catalogue.nextSegment
    nextDomain = catalogue.nextDomain
    branches = catalogue.branches.map(Branch.init)
    segments = catalogue.segments.map(Segment.init)
    retired = catalogue.retired.map {
      Retired(id: $0.id.rawValue, hosts: $0.hosts.map(\.rawValue))
    }
    settings = catalogue.settings.map {
      Setting(key: $0.key.description, byteCount: $0.value.count)
    }
  }

  var text: String {
    var branchTable = TextTable(
      ("id", .right), ("name", .left), ("root", .left), ("intervals", .left))
    for branch in branches {
      let intervals = branch.intervals.map { interval in
        "\(interval.writer): \(interval.from)...\(interval.through.map(String.init) ?? "open")"
      }
      branchTable.add(
        "\(branch.id)", branch.name + branch.state,
        branch.rootName ?? "empty", intervals.joined(separator: ", "))
    }
    var segmentTable = TextTable(
      ("segment", .right), ("bytes", .right), ("frames", .right), ("state", .left))
    for segment in segments {
      segmentTable.add(
        "\(segment.id)", "\(segment.byteCount)", "\(segment.frameCount)",
        (segment.isClosed ? "closed" : "open") + (segment.isHost ? ", host" : ""))
    }
    return
      "\(file) at LSN \(lsn), \(checkpointedAt)\nnext: branch \(nextBranch), file \(nextVolume), "
      + "segment \(nextSegment), trust domain \(nextDomain)\n\n" + branchTable.text + "\n"
      + segmentTable.text + settingsText
  }

  private var settingsText: String {
    if settings.isEmpty { return "" }
    var table = TextTable(("setting", .left), ("bytes", .right))
    for setting in settings { table.add(Output.printable(setting.key), "\(setting.byteCount)") }
    return "\n" + table.text
  }
}

extension CatalogueInspection.Branch {
  fileprivate var state: String {
    isCondemned ? " (being removed)" : isDeleted ? " (deleted)" : ""
  }

  fileprivate init(_ entry: BranchEntry) {
    id = entry.id.rawValue
    name = entry.name
    domain = entry.domain.rawValue
    isSnapshot = entry.flags.contains(.readOnly)
    isDeleted = entry.flags.contains(.deleted)
    isCondemned = entry.flags.contains(.condemned)
    rootHash = entry.root.hash.text
    rootName = entry.root.isHole ? nil : entry.root.locator.name.description
    intervals = entry.intervals.map {
      CatalogueInspection.LSNInterval(
        writer: $0.writer.rawValue, from: $0.from.rawValue,
        through: $0.through == .open ? nil : $0.through.rawValue)
    }
    createdAt = Timestamp(nanoseconds: entry.createdAt)
    annotations = entry.annotations.all.map {
      CatalogueInspection.Annotation(tag: $0.tag.rawValue, byteCount: $0.value.count)
    }
  }
}

extension CatalogueInspection.Segment {
  fileprivate init(_ entry: SegmentEntry) {
    id = entry.id.rawValue
    domain = entry.domain.rawValue
    isClosed = entry.flags.contains(.closed)
    isHost = entry.flags.contains(.host)
    byteCount = entry.byteCount
    frameCount = entry.frameCount
  }
}
