internal import CoppiceFormat
internal import CoppicePlatform

/// Stores healed nodes, and anew every node on the way to them and to healed pages: what was healed
/// has another name, so what refers to it changes, up to the roots. Contents and ids stay as they
/// are.
///
/// Nodes that build on a healed node get another base, those that build on one that is lost get
/// none.
final class NodeRewrite {
  private let engine: Engine
  private let nodes: HealedNodes
  private let pages: [FrameName: Ref]
  private let context: SealContext
  private let domain: DomainID
  private var outcomes: [FrameName: Outcome] = [:]
  private var bases: [FrameName: Base] = [:]
  private let sound = FrameSet()

  /// What became of a node and all below it.
  private struct Outcome {
    var ref: Ref
    /// Nodes below, or this one, that nothing heals.
    var lost: Set<FrameName> = []
  }

  /// What became of a full node as a base.
  private struct Base {
    var node: Node
    var isChanged: Bool
  }

  init(
    _ engine: Engine, _ nodes: HealedNodes, _ pages: [FrameName: Ref], _ domain: DomainID
  ) throws(StoreError) {
    self.engine = engine
    self.nodes = nodes
    self.pages = pages
    self.domain = domain
    context = try engine.sealer.sealContext(domain)
  }

  /// The root that takes the place of `root`: itself when nothing below was healed.
  func newRoot(for root: Ref) throws(StoreError) -> Ref {
    try rewrite(root, .root(domain)).ref
  }

  // MARK: Walking

  private func rewrite(_ ref: Ref, _ place: NodePlace) throws(StoreError) -> Outcome {
    let name = ref.locator.name
    if ref.isHole || sound.contains(name) { return Outcome(ref: ref) }
    if let known = outcomes[name] { return known }
    let outcome =
      if let node = nodes.node(ref) {
        try rewrite(node, ref, place)
      } else {
        Outcome(ref: ref, lost: [name])
      }
    if outcome.ref == ref, outcome.lost.isEmpty {
      sound.insert(name)
    } else {
      outcomes[name] = outcome
    }
    return outcome
  }

  private func rewrite(_ node: Node, _ ref: Ref, _ place: NodePlace) throws(StoreError) -> Outcome {
    let base: Base? =
      if let locator = node.base { try rewriteBase(locator, place, of: node) } else { nil }
    let refs = Node.allocateRefs()
    defer { refs.deallocate() }
    var (isChanged, lost) = try rewriteChildren(of: node, place, into: refs)
    isChanged = isChanged || nodes.contains(ref.locator.name)
    if node.base != nil {
      isChanged = isChanged || base?.isChanged ?? true
    }
    guard isChanged else { return Outcome(ref: ref, lost: lost) }
    let stored = try append(node.header, refs, on: base?.node, place)
    return Outcome(ref: Ref(hash: node.header.id, locator: stored.locator), lost: lost)
  }

  private func rewriteChildren(
    of node: Node, _ place: NodePlace, into refs: UnsafeMutablePointer<Ref>
  ) throws(StoreError) -> (isChanged: Bool, lost: Set<FrameName>) {
    refs.update(from: node.refs, count: Node.slotCount)
    var isChanged = false
    var lost: Set<FrameName> = []
    guard node.header.childKind != .page else { return (replacePages(in: refs), lost) }
    for (slot, ref) in node.effectiveRefs {
      guard let child = place.child(of: node.header, slot: slot) else { continue }
      let outcome = try rewrite(ref, child)
      lost.formUnion(outcome.lost)
      if outcome.ref != ref {
        refs[slot] = outcome.ref
        isChanged = true
      }
    }
    return (isChanged, lost)
  }

  /// Returns whether there were any.
  private func replacePages(in refs: UnsafeMutablePointer<Ref>) -> Bool {
    if pages.isEmpty { return false }
    var isChanged = false
    for slot in 0..<Node.slotCount {
      guard let copy = pages[refs[slot].locator.name], copy.hash == refs[slot].hash else {
        continue
      }
      refs[slot] = copy
      isChanged = true
    }
    return isChanged
  }

  /// `nil` when the base cannot be read. What it refers to stays as it is: nodes override it.
  private func rewriteBase(_ locator: Locator, _ place: NodePlace, of node: Node)
    throws(StoreError) -> Base?
  {
    if let known = bases[locator.name] { return known }
    guard let base = nodes.node(at: locator), !locator.form.isDerived else { return nil }
    var outcome = Base(node: base, isChanged: false)
    if nodes.contains(locator.name) {
      let basePlace = place.base(level: node.header.level)
      outcome = Base(
        node: try append(base.header, base.refs, on: nil, basePlace), isChanged: true)
    }
    bases[locator.name] = outcome
    return outcome
  }

  // MARK: Storing

  private func append(
    _ header: NodeHeader, _ refs: UnsafePointer<Ref>, on base: Node?, _ place: NodePlace
  ) throws(StoreError) -> Node {
    let frames = engine.core.frames
    return try frames.codecs.withSet { set throws(StoreError) in
      var stored: [UInt8] = []
      if let base {
        set.nodes.encodeOverrides(
          header, refs: refs, base: base.locator, baseRefs: base.refs, into: &stored)
      } else {
        set.nodes.encodeFull(header, refs: refs, into: &stored)
      }
      let form = FrameForm(header.kind, base == nil ? .columns : .overridesOnBase)
      let locator = try stored.withBytes { bytes throws(StoreError) in
        try context.appender.append(
          PendingFrame(
            stored: bytes, form: form, hashPrefix: header.id.low, volume: place.volume,
            page: PageNumber(header.firstKey), base: base?.locator.name ?? .none))
      }
      let copy = Node.allocateRefs()
      copy.update(from: refs, count: Node.slotCount)
      let node = Node(header: header, refs: copy, locator: locator, base: base?.locator)
      frames.nodes.insert(node, name: locator.name, hash: header.id)
      return node
    }
  }
}
