internal import CoppiceFormat
internal import CoppicePlatform

// A host's frames bear names of other segments, which only its bundle directories say. Where a
// directory is damaged, refs still say which frames there must be: their hash, byte count and form.
// So a damaged part of a host is searched for frames from every byte on; what is found there has
// the hash that a ref names, and takes that ref's name. Full frames that others build on, and that
// no ref names, are proven by what is decoded with them.
//
// What stays unfound: frames that are damaged themselves; full frames stored raw that no ref names,
// only what builds on them, unless they lie next to something that was found; notes, which are
// written anew; and what lies below a node that cannot be read.

/// Finds frames again that lie in hosts with damaged bundle directories. Changes nothing on disk:
/// the engine reads the frames in their places until a rescue has copied them.
struct HostSearch {
  let engine: Engine

  /// Searches for all that is below `roots`. Returns whether there are damaged hosts.
  @discardableResult
  func run(_ roots: [Ref]) throws(StoreError) -> Bool {
    let (hosts, homes) = try damagedHosts()
    if hosts.isEmpty { return false }
    var regions: [DamagedRegion] = []
    for host in hosts {
      guard let file = try engine.core.segmentStore.openReadable(host.id) else { continue }
      regions += try DamagedRegion.all(in: host, file)
    }
    var found: [FrameName: RetiredFrames.Found] = [:]
    var likely: [(base: Locator, dependent: MissingFrames.Dependent)] = []
    // What is found leads to more that is missing.
    while true {
      let search = MissingFrameSearch(engine: engine, homes: homes, found: found)
      var missing = try search.run(roots)
      if missing.isEmpty { return true }
      for entry in likely where try search.isMissing(entry.base.name) {
        missing.add(entry.dependent, to: entry.base)
      }
      var scan = RegionScan(engine: engine, search: search, missing: missing)
      for region in regions { try scan.run(region) }
      let isNew = scan.likely.count > likely.count
      likely = scan.likely
      if scan.found.isEmpty, !isNew { return true }
      found.merge(scan.found) { $1 }
      engine.core.retired.assume(scan.found)
    }
  }

  /// Hosts with damage, and the homes whose frames may lie in it.
  private func damagedHosts() throws(StoreError) -> (
    hosts: [SegmentEntry], homes: Set<SegmentID>
  ) {
    let (segments, retired) = engine.core.keeper.read {
      ($0.catalogue.segments, $0.catalogue.retired)
    }
    var hosts: [SegmentEntry] = []
    for segment in segments.values.sorted(by: { $0.id < $1.id })
    where segment.flags.contains(.host) {
      guard let file = try engine.core.segmentStore.openReadable(segment.id),
        try BundleReader(file, segment).findsDamage()
      else { continue }
      hosts.append(segment)
    }
    let ids = Set(hosts.map(\.id))
    let homes = retired.values.filter { !ids.isDisjoint(with: $0.hosts) }.map(\.id)
    return (hosts, Set(homes))
  }
}

extension BundleReader {
  func findsDamage() throws(StoreError) -> Bool {
    var isDamaged = false
    try scan { item in
      if case .damage = item { isDamaged = true }
    }
    return isDamaged
  }

  func findsDamagedNote() throws(StoreError) -> Bool {
    var isDamaged = false
    try forEachFrame { frame throws(StoreError) in
      if frame.entry.form.kind == .note, !(try frame.isSoundNote(in: segment)) { isDamaged = true }
    }
    return isDamaged
  }
}
