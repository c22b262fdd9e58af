internal import CoppiceFormat
internal import CoppicePlatform

/// What the bundle directories say of frames, wherever they lie now, as far as they are whole; read
/// when needed.
final class FramePlaces {
  struct Place: Sendable {
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

  private struct Directory: CacheableDirectory {
    var places: [Place?] = []
    var homes = IntegerMap<Place>()
    var isDamaged = false

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
  private let directories: DirectoryCache<Directory>
  /// Of the tables below.
  private var generation: Int
  private var segments: [SegmentID: SegmentEntry] = [:]
  private var retired: [SegmentID: RetiredSegment] = [:]

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
    directories = DirectoryCache(byteCountMax: byteCountMax)
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
    guard let entry = segments[id] else { return .lost }
    if let known = directories.directory(entry) { return body(known) }
    // What cannot be opened is lost; the segments' own check says why.
    guard let loaded = load(entry) else { return .lost }
    directories.insert(loaded, entry)
    return body(loaded)
  }

  private func load(_ entry: SegmentEntry) -> Directory? {
    let segment: SegmentHandle
    do throws(SegmentError) { segment = try segmentStore.open(entry.id) } catch {
      findings.note(.opening(entry.id, error))
      return nil
    }
    var directory = Directory()
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
