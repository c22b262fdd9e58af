internal import CoppiceFormat
internal import CoppicePlatform

/// What the bundle directories say of frames, wherever they lie now; read when needed; bounded, the
/// least recently used segment goes first.
final class FramePlaces {
  struct Place {
    var offset: UInt32
    var storedByteCount: Int
    var form: FrameForm
    var hashPrefix: UInt64
    var base: FrameName
  }

  enum Answer {
    case place(Place, isMoved: Bool)
    /// A damaged part of a segment would have to tell.
    case lost
    case none
  }

  private struct Directory {
    var places: [Place?] = []
    var homes = IntegerMap<Place>()
    /// How much of the segment was published when it was read.
    var publishedByteCount: UInt64 = 0
    var isDamaged = false
    var lastUse = 0

    var byteCount: Int {
      (places.count + homes.count * 2) * MemoryLayout<Place?>.stride
    }

    mutating func take(_ bundle: BundleInspection) {
      let first = Int(bundle.header.firstOrdinal)
      while places.count < first { places.append(nil) }
      for frame in bundle.frames {
        let place = Place(
          offset: frame.locator.offset, storedByteCount: frame.entry.storedByteCount,
          form: frame.entry.form, hashPrefix: frame.entry.hashPrefix, base: frame.entry.base)
        if frame.entry.home == .none {
          places.append(place)
        } else {
          homes.insert(place, at: frame.name.rawValue)
        }
      }
    }
  }

  private let segmentStore: SegmentStore
  private let table: RetiredTable
  private let current: () -> CatalogueState
  private let findings: FindingList
  private let byteCountMax: Int
  /// Of the tables below.
  private var generation: Int
  private var segments: [SegmentID: SegmentEntry] = [:]
  private var retired: [SegmentID: RetiredSegment] = [:]
  private var directories: [SegmentID: Directory] = [:]
  private var byteCount = 0
  private var tick = 0

  /// - Parameters:
  ///   - current: the catalogue as it is now.
  ///   - findings: hears of directories that could not be looked at.
  init(
    _ segmentStore: SegmentStore, table: RetiredTable, current: @escaping () -> CatalogueState,
    findings: FindingList, byteCountMax: Int = 64 << 20
  ) {
    self.segmentStore = segmentStore
    self.table = table
    self.current = current
    self.findings = findings
    self.byteCountMax = byteCountMax
    generation = table.generation
    takeTables()
  }

  private func takeTables() {
    let catalogue = current()
    (segments, retired) = (catalogue.segments, catalogue.retired)
  }

  func domain(of name: FrameName) -> DomainID? {
    if let entry = segments[name.segment] { return entry.domain }
    return retired[name.segment]?.hosts.first.flatMap { segments[$0]?.domain }
  }

  subscript(name: FrameName) -> Answer {
    while true {
      let answer = find(name)
      if case .place = answer { return answer }
      // A collection may have moved it since the tables were taken.
      let now = table.generation
      if now == generation { return answer }
      generation = now
      takeTables()
    }
  }

  private func find(_ name: FrameName) -> Answer {
    if segments[name.segment] != nil {
      return withDirectory(name.segment) { directory in
        if Int(name.ordinal) < directory.places.count,
          let place = directory.places[Int(name.ordinal)]
        {
          return .place(place, isMoved: false)
        }
        return directory.isDamaged ? .lost : .none
      }
    }
    var answer = Answer.none
    for host in retired[name.segment]?.hosts ?? [] where segments[host] != nil {
      let found: Answer = withDirectory(host) { directory in
        if let place = directory.homes[name.rawValue] { return .place(place, isMoved: true) }
        return directory.isDamaged ? .lost : .none
      }
      if case .place = found { return found }
      if case .lost = found { answer = .lost }
    }
    return answer
  }

  /// Whether a ref leads to the frame that it names, as far as directories tell.
  func resolves(_ ref: Ref) -> Bool {
    switch self[ref.locator.name] {
    case .none: false
    case .lost: true
    case .place(let found, let isMoved):
      found.storedByteCount == ref.locator.storedByteCount && found.form == ref.locator.form
        && found.hashPrefix == ref.hash.low && (isMoved || found.offset == ref.locator.offset)
    }
  }

  private func withDirectory(_ id: SegmentID, _ body: (Directory) -> Answer) -> Answer {
    tick += 1
    if let known = directories[id],
      known.publishedByteCount < segments[id]?.byteCount ?? 0
    {
      byteCount -= known.byteCount
      directories[id] = nil
    }
    if directories[id] == nil {
      // What cannot be opened is lost; the segments' own check says why.
      guard let loaded = load(id) else { return .lost }
      byteCount += loaded.byteCount
      directories[id] = loaded
      while byteCount > byteCountMax, directories.count > 1 { removeOldest(but: id) }
    }
    directories[id]?.lastUse = tick
    return directories[id].map(body) ?? .none
  }

  private func removeOldest(but id: SegmentID) {
    let oldest = directories.filter { $0.key != id }.min { $0.value.lastUse < $1.value.lastUse }
    guard let oldest else { return }
    byteCount -= oldest.value.byteCount
    directories[oldest.key] = nil
  }

  private func load(_ id: SegmentID) -> Directory? {
    guard let entry = segments[id] else { return nil }
    let segment: SegmentHandle
    do throws(SegmentError) { segment = try segmentStore.open(id) } catch {
      findings.note(.opening(id, error))
      return nil
    }
    var directory = Directory()
    directory.publishedByteCount = entry.byteCount
    do throws(StoreError) {
      try BundleReader(segment, entry).scan { item in
        guard case .bundle(let bundle) = item else {
          directory.isDamaged = true
          return
        }
        directory.take(bundle)
      }
    } catch {
      findings.note(error)
      return nil
    }
    return directory
  }
}
