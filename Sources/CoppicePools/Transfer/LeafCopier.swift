internal import CoppiceEngine
internal import CoppiceErrors
internal import CoppiceFormat

/// A leaf's pages, copied but not placed yet.
struct LeafCopy: Sendable {
  let node: Node
  /// What the supports have there.
  let beside: [Node]
  /// Of the slots that are decided.
  let refs: [Int: Ref]
  /// Slots of the copied pages, and what each builds on in the pool, as far as that is there.
  let slots: [Int]
  let bases: [Ref?]
  let pages: CopiedPages
}

/// Copies the pages of leaves, of many at once.
struct LeafCopier: Sendable {
  let tree: SealedTree
  let content: PoolContent
  let placed: PlacedPages

  func copy(_ leaf: Ref, beside supports: [Ref]) throws(StoreError) -> LeafCopy {
    let node = try tree.node(leaf)
    let beside = try TreeComparison(new: tree, old: content).nodes(supports, beside: node)
    var refs: [Int: Ref] = [:]
    var slots: [Int] = []
    for (slot, page) in node.effectiveRefs {
      let known = beside.lazy.map { $0[slot] }.first { $0.hash == page.hash }
      if let ref = known ?? placed.ref(of: page) { refs[slot] = ref } else { slots.append(slot) }
    }
    var bases = [Ref?](repeating: nil, count: slots.count)
    let pages = try tree.copy(slots.map { node[$0] }) { base, index throws(StoreError) in
      bases[index] = try find(base, slots[index], beside)
      return bases[index] == nil
    }
    return LeafCopy(
      node: node, beside: beside, refs: refs, slots: slots, bases: bases, pages: pages)
  }

  /// A full page of the pool with these bytes, where one is likely to be.
  private func find(_ base: Ref, _ slot: Int, _ beside: [Node]) throws(StoreError) -> Ref? {
    if let known = placed.fullRef(of: base) { return known }
    for page in beside.map({ $0[slot] }) where !page.isHole {
      let full = page.locator.form.isDerived ? try content.base(of: page) : page
      if let full, full.hash == base.hash, !full.locator.form.isDerived { return full }
    }
    return nil
  }
}
