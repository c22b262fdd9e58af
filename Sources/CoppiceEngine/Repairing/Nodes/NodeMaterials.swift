internal import CoppiceFormat
internal import CoppicePlatform

/// What the bundle directories name that a damaged node could be rebuilt from.
struct NodeMaterials {
  /// What its own directory says of the node.
  var own: BundleDirectoryEntry?
  /// Nodes with the same half of an id.
  var equals: [Locator] = []
  /// Other nodes of the same place, in order of their names.
  var versions: [Locator] = []
  /// Frames that were written for a key below the node, before it; the newest first.
  var children: [UInt64: [Child]] = [:]
  /// Frames by the half of their hash that the node's own bytes name, wherever they were written.
  var named: [UInt64: [Locator]] = [:]

  /// Newer frames, up to the node, belong to the seal that wrote it.
  var sealStart = FrameName.none

  struct Child {
    var locator: Locator
    var hashPrefix: UInt64
  }

  /// More versions of one page than this are not tried.
  private static let childCountMax = 16

  /// Reads all bundle directories once.
  ///
  /// - Parameter prefixes: halves of hashes that the nodes' own bytes name.
  static func collect(
    for damaged: [DamagedNode], naming prefixes: [FrameName: Set<UInt64>], in engine: Engine
  ) throws(StoreError) -> [FrameName: NodeMaterials] {
    var collector = Collector(damaged, prefixes)
    let segments = Array(engine.core.keeper.segments.values)
    try engine.core.segmentStore.scanFrames(of: segments) { frame, segment in
      collector.take(frame, segment.domain)
    }
    return collector.materials.mapValues { material in
      var material = material
      material.versions.sort { $0.name < $1.name }
      for (key, children) in material.children {
        let newest = children.sorted { $0.locator.name > $1.locator.name }
        material.children[key] = Array(newest.prefix(childCountMax))
      }
      return material
    }
  }

  private struct Collector {
    var materials: [FrameName: NodeMaterials] = [:]
    private var byPrefix: [UInt64: [DamagedNode]] = [:]
    private var byVolume: [VolumeNumber: [DamagedNode]] = [:]
    private var tables: [DamagedNode] = []
    private var naming: [UInt64: [DamagedNode]] = [:]
    private var seals: [(damaged: FrameName, isTable: Bool)] = []

    init(_ damaged: [DamagedNode], _ prefixes: [FrameName: Set<UInt64>]) {
      for node in damaged {
        materials[node.name] = NodeMaterials()
        seals.append((node.name, node.place.kind == .tableNode))
        for prefix in prefixes[node.name] ?? [] { naming[prefix, default: []].append(node) }
        if let id = node.id { byPrefix[id.low, default: []].append(node) }
        if node.place.kind == .tableNode {
          tables.append(node)
        } else {
          byVolume[node.place.volume, default: []].append(node)
        }
      }
    }

    mutating func take(_ frame: FrameInspection, _ domain: DomainID) {
      if materials[frame.name] != nil { materials[frame.name]?.own = frame.entry }
      for node in naming[frame.entry.hashPrefix] ?? [] where node.place.domain == domain {
        materials[node.name]?.named[frame.entry.hashPrefix, default: []].append(frame.locator)
      }
      guard let kind = frame.entry.form.kind else { return }
      if kind == .note || kind == .tableNode { noteSeal(frame.name, kind) }
      for node in byPrefix[frame.entry.hashPrefix] ?? []
      where node.place.kind == kind && node.name != frame.name && node.place.domain == domain {
        materials[node.name]?.equals.append(frame.locator)
      }
      let key = frame.entry.page.rawValue
      if kind != .tableNode {
        for node in byVolume[frame.entry.volume] ?? [] { take(frame, key, for: node, domain) }
      }
      if kind == .tableNode {
        for node in tables { take(frame, key, for: node, domain) }
      } else if kind == .volumeNode, key == 0 {
        for node in tables { take(frame, frame.entry.volume.rawValue, for: node, domain) }
      }
    }

    /// Every seal ends with nodes of the table and a note.
    private mutating func noteSeal(_ name: FrameName, _ kind: FrameKind) {
      for (damaged, isTable) in seals where name < damaged && (kind == .note || !isTable) {
        let known = materials[damaged]?.sealStart ?? .none
        if name > known { materials[damaged]?.sealStart = name }
      }
    }

    /// - Parameter key: the key that the frame would have below the node.
    private mutating func take(
      _ frame: FrameInspection, _ key: UInt64, for node: DamagedNode,
      _ domain: DomainID
    ) {
      guard node.place.domain == domain, node.name != frame.name else { return }
      let place = node.place
      if frame.entry.form.kind == place.kind, key == place.firstKey {
        materials[node.name]?.versions.append(frame.locator)
      }
      let span = Radix.coverage(level: place.level ?? NodeHeader.levelMax)
      guard frame.name < node.name, key >= place.firstKey, key - place.firstKey < span else {
        return
      }
      if let level = place.level, place.childKind(level: level) != frame.entry.form.kind { return }
      materials[node.name]?.children[key, default: []].append(
        Child(locator: frame.locator, hashPrefix: frame.entry.hashPrefix))
    }
  }
}
