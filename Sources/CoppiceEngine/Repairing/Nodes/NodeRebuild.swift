internal import CoppiceFormat
internal import CoppicePlatform

/// What the stored bytes of a damaged node still say. None of it is proven.
struct DamagedBytes {
  let stored: [UInt8]
  let isDerived: Bool
  /// The bytes with one bit changed, so that the checksum holds.
  let corrected: [UInt8]?
  /// The hashes in them, in the order of their slots.
  private(set) var hashes: [PageHash] = []

  /// Bytes that cannot be read say nothing.
  init(_ locator: Locator, _ nodes: HealedNodes) {
    let frames = nodes.frames
    isDerived = locator.form.isDerived
    let isDerived = isDerived
    (stored, corrected, hashes) = frames.codecs.withSet { set throws(Never) in
      guard let bytes = nodes.read(try frames.storedBytes(locator, set)) else {
        return ([], nil, [])
      }
      let refs = Node.allocateRefs()
      defer { refs.deallocate() }
      let found = set.nodes.salvage(bytes, isDerived: isDerived, baseRefs: nil, into: refs)
      return (
        Array(bytes), NodeCodec.correctingOneBit(of: bytes, isDerived: isDerived),
        found?.hashes ?? []
      )
    }
  }
}

/// Makes a damaged node again, from the cheapest source that its id proves:
///
/// - its own bytes with one bit changed,
/// - another intact node with the same id,
/// - what its own bytes, other versions of the node and the bundle directories say together.
struct NodeRebuild {
  let engine: Engine
  let nodes: HealedNodes
  let damaged: DamagedNode
  let bytes: DamagedBytes
  let materials: NodeMaterials
  let places: FramePlaces

  /// `nil` when nothing that was found is proven to be the node.
  func run() -> Node? {
    if let corrected = bytes.corrected, let node = decode(corrected) { return node }
    for locator in materials.equals {
      if let equal = nodes.node(at: locator), let node = proven(equal.header, equal.refs) {
        return node
      }
    }
    return NodeAssembly(self).run()
  }

  private func decode(_ stored: [UInt8]) -> Node? {
    let refs = Node.allocateRefs()
    defer { refs.deallocate() }
    return stored.withUnsafeBytes { stored -> Node? in
      engine.core.frames.codecs.withSet { set -> Node? in
        guard bytes.isDerived else {
          guard let header = try? set.nodes.decodeFull(stored, into: refs) else { return nil }
          return isCorrect(header, refs) ? proven(header, refs, isChecked: true) : nil
        }
        guard let locator = try? NodeCodec.baseLocator(of: stored),
          let base = nodes.node(at: locator),
          let header = try? set.nodes.decodeOverrides(stored, baseRefs: base.refs, into: refs)
        else { return nil }
        return isCorrect(header, refs) ? proven(header, refs, isChecked: true) : nil
      }
    }
  }

  private func isCorrect(_ header: NodeHeader, _ refs: UnsafePointer<Ref>) -> Bool {
    NodeCodec.identify(header, refs: refs, secret: engine.core.secret) == header.id
      && header.firstKey == damaged.place.firstKey
  }

  /// The node of this content in the damaged one's place, if the id proves it.
  ///
  /// - Parameter isChecked: whether a checksum held over header and refs, which will do for a base:
  ///   what builds on it is proven by its own id.
  func proven(_ header: NodeHeader, _ refs: UnsafePointer<Ref>, isChecked: Bool = false) -> Node? {
    var header = header
    header.firstKey = damaged.place.firstKey
    header.id = NodeCodec.identify(header, refs: refs, secret: engine.core.secret)
    guard header.kind == damaged.place.kind, header.level == damaged.place.level ?? header.level
    else { return nil }
    if let id = damaged.id {
      guard header.id == id else { return nil }
    } else if let own = materials.own {
      guard header.id.low == own.hashPrefix else { return nil }
    } else if !isChecked {
      return nil
    }
    let copy = Node.allocateRefs()
    copy.update(from: refs, count: Node.slotCount)
    let node = Node(header: header, refs: copy, locator: damaged.locator, base: nil)
    guard damaged.isMereBase || node.effectiveRefs.allSatisfy({ isThere($0.ref) }) else {
      return nil
    }
    return node
  }

  /// Whether a ref leads to a frame of the node's trust domain. Old versions of a node and bases
  /// may name some that collections removed: an id proves what children hold, not that they are
  /// there.
  func isThere(_ ref: Ref) -> Bool {
    if let domain = places.domain(of: ref.locator.name), domain != damaged.place.domain {
      return false
    }
    return places.resolves(ref)
  }
}
