internal import CoppiceFormat
internal import CoppicePlatform

/// Heals nodes that cannot be read, of volumes and of tables, stored in full or as overrides.
///
/// A node's id, which its parent names, is a hash of its kind, level and attributes and of its
/// children's hashes. So whatever a node is put together from, the id proves that it is the one;
/// nothing that it does not prove is used. Sources, in this order: the node's own bytes with one
/// bit changed; another frame with the same id; its own bytes as far as they decode, other versions
/// of the node, and the frames that the bundle directories say were written for its keys.
///
/// What this cannot heal: a volume's top node whose attributes (byte count, time) no version of it
/// and not its own bytes name any more; a node with children that were found by hash in frames of
/// other volumes or places, when no version names those and its own bytes do not; one that differs
/// from all that is known of it in more slots than can be tried. Such a node is left as it is, and
/// what lies below is listed as lost.
///
/// Healed nodes are appended like new ones, and with them all above them (`RootReplacement`).
///
/// Runs before writes that are not sealed are laid over the roots, which takes readable nodes.
/// Those writes may adopt volumes; of them, only what is below roots too is healed.
struct NodeRepair {
  let engine: Engine

  /// Returns how many nodes were healed.
  func run() throws(StoreError) -> Int {
    let findings = FindingList()
    let places = FramePlaces(
      engine.core.segmentStore, table: engine.core.retired.table,
      current: { engine.core.keeper.catalogue },
      findings: findings)
    let nodes = HealedNodes(engine.core.frames) { places.resolves($0) }
    let entries = engine.core.keeper.entries
      .sorted { $0.id < $1.id }
    var outcome = try heal(entries, nodes, places)
    if !outcome.findsDamage { return 0 }
    while outcome.heals { outcome = try heal(entries, nodes, places) }
    try findings.checkUnhindered()
    // Also when nothing was healed: a node that can be read may build on one that is not proven.
    try RootReplacement(engine: engine, nodes: nodes).run()
    return nodes.count
  }

  /// One round: below what was healed in one, the next may find more.
  private func heal(_ entries: [BranchEntry], _ nodes: HealedNodes, _ places: FramePlaces)
    throws(StoreError) -> (findsDamage: Bool, heals: Bool)
  {
    let search = DamageSearch(nodes)
    for entry in entries { search.visit(entry.root, .root(entry.domain)) }
    // Children and bases have smaller names.
    let damaged = search.damaged.values.sorted { $0.name < $1.name }
    try nodes.checkUnhindered()
    if damaged.isEmpty { return (false, false) }
    let bytes = Dictionary(
      uniqueKeysWithValues: damaged.map { ($0.name, DamagedBytes($0.locator, nodes)) })
    let materials = try NodeMaterials.collect(
      for: damaged, naming: bytes.mapValues { Set($0.hashes.map(\.low)) }, in: engine)
    let count = nodes.count
    for node in damaged {
      // The base that was healed just now may have been all.
      if let id = node.id, nodes.node(Ref(hash: id, locator: node.locator)) != nil { continue }
      guard let bytes = bytes[node.name], let materials = materials[node.name] else { continue }
      let rebuild = NodeRebuild(
        engine: engine, nodes: nodes, damaged: node, bytes: bytes, materials: materials,
        places: places)
      if let healed = rebuild.run() { nodes.insert(healed) }
    }
    try nodes.checkUnhindered()
    return (true, nodes.count > count)
  }
}
