internal import CoppiceFormat

/// Finds the nodes that cannot be read, below roots.
final class DamageSearch {
  private let nodes: HealedNodes
  private let visited = FrameSet()
  private let visitedBases = FrameSet()
  private(set) var damaged: [FrameName: DamagedNode] = [:]

  init(_ nodes: HealedNodes) { self.nodes = nodes }

  func visit(_ ref: Ref, _ place: NodePlace) {
    guard !ref.isHole, visited.insert(ref.locator.name) else { return }
    guard let node = nodes.node(ref) else {
      damaged[ref.locator.name] = DamagedNode(locator: ref.locator, id: ref.hash, place: place)
      // Perhaps it is its base that is damaged.
      if let base = nodes.base(of: ref.locator) { visitBase(base, place.base(level: nil)) }
      return
    }
    visitChildren(of: node, place)
    if let base = node.base { visitBase(base, place.base(level: node.header.level)) }
  }

  /// What a base refers to is none of its own.
  private func visitBase(_ locator: Locator, _ place: NodePlace) {
    guard !locator.form.isDerived, visitedBases.insert(locator.name),
      damaged[locator.name] == nil
    else { return }
    if nodes.node(at: locator) == nil {
      damaged[locator.name] = DamagedNode(locator: locator, id: nil, place: place)
    }
  }

  private func visitChildren(of node: Node, _ place: NodePlace) {
    guard node.header.childKind != .page else { return }
    for (slot, ref) in node.effectiveRefs {
      guard let child = place.child(of: node.header, slot: slot) else { return }
      visit(ref, child)
    }
  }
}
