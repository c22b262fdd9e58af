internal import CoppiceFormat
internal import CoppicePlatform

/// The frames of doomed states that states which stay may not keep, found without a look at what
/// they share: both are walked together, place by place, and a subtree that both have at one place
/// is left out.
///
/// What is left out is kept for sure, with all below it. What is found may still be kept at another
/// place; that takes a walk of the states that stay, but only of frames with greater names than the
/// smallest one found (I10).
struct DivergentFrames {
  /// Nodes and pages, and what they build on once `addBases` has found it.
  let found = FrameSet()
  /// Frames that stay, from the places where the states differ. Their bytes do; what is below them
  /// was not looked at.
  let kept = FrameSet()
  /// The smallest name in `found`; `nil` when it is empty.
  private(set) var smallest: FrameName?
  /// Full nodes that found ones build on, but for those that stay.
  private(set) var nodeBases: [FrameName] = []
  /// Where frames of derived pages may be: home segments.
  private(set) var derivedHomes: Set<SegmentID> = []
  private(set) var derivedKeptHomes: Set<SegmentID> = []
  private let frames: FrameReader

  init(frames: FrameReader) { self.frames = frames }

  /// Adds what the doomed states refer to.
  ///
  /// - Parameters:
  ///   - doomed: root nodes, and frames that layers refer to.
  ///   - staying: likewise. Only root nodes are compared with.
  ///   - visited: called after each node of a doomed state.
  mutating func add(
    _ doomed: [Ref], staying: [Ref], visited: () throws(StoreError) -> Void = {}
  ) throws(StoreError) {
    let roots = Self.distinct(staying.filter { $0.locator.form.kind == .tableNode })
    for ref in doomed where !ref.isHole {
      let companions = ref.locator.form.kind == .tableNode ? roots : []
      if companions.contains(where: { $0.locator.name == ref.locator.name }) { continue }
      try enter(ref, companions, visited)
    }
  }

  /// Notes a frame that was found later.
  mutating func insert(_ name: FrameName) -> Bool {
    guard found.insert(name) else { return false }
    smallest = min(smallest ?? name, name)
    return true
  }

  private static func distinct(_ refs: [Ref]) -> [Ref] {
    var seen: Set<FrameName> = []
    return refs.filter { !$0.isHole && seen.insert($0.locator.name).inserted }
  }

  /// A frame that no companion is. The companions are at the same place.
  private mutating func enter(
    _ ref: Ref, _ companions: [Ref], _ visited: () throws(StoreError) -> Void
  ) throws(StoreError) {
    guard insert(ref.locator.name) else { return }
    if ref.locator.form.kind == .page {
      if ref.locator.form.isDerived { derivedHomes.insert(ref.locator.name.segment) }
      return
    }
    try enter(try frames.node(ref), companions, visited)
  }

  private mutating func enter(
    _ node: Node, _ companions: [Ref], _ visited: () throws(StoreError) -> Void
  ) throws(StoreError) {
    let place = try Place(companions, level: node.header.level, frames)
    for (slot, ref) in node.effectiveRefs {
      let others = place.refs(slot)
      if others.contains(where: { $0.locator.name == ref.locator.name }) { continue }
      for other in others where other.locator.form.kind == .page { keep(other.locator) }
      try enter(ref, others, visited)
    }
    try visited()
    if let base = node.base {
      if place.names.contains(base.name) {
        kept.insert(base.name)
      } else {
        nodeBases.append(base.name)
      }
    }
  }

  private mutating func keep(_ locator: Locator) {
    kept.insert(locator.name)
    if locator.form.isDerived { derivedKeptHomes.insert(locator.name.segment) }
  }

  /// The nodes of the companions at a doomed node's place and level.
  private struct Place {
    private var nodes: [Node] = []
    /// Companions of lower levels: all of their keys are in slot 0.
    private var lower: [Ref] = []
    /// Those nodes, and the ones they build on.
    private(set) var names: Set<FrameName> = []

    init(_ companions: [Ref], level: UInt8, _ frames: FrameReader) throws(StoreError) {
      for ref in companions {
        if ref.locator.form.kind == .page { continue }
        var next: Ref? = ref
        while let ref = next {
          next = nil
          let node = try frames.node(ref)
          if node.header.level < level {
            lower.append(ref)
          } else if node.header.level > level {
            if !node[0].isHole { next = node[0] }
          } else {
            nodes.append(node)
            names.insert(node.locator.name)
            if let base = node.base { names.insert(base.name) }
          }
        }
      }
    }

    /// What stays at a slot, each once.
    func refs(_ slot: Int) -> [Ref] {
      DivergentFrames.distinct(nodes.map { $0[slot] } + (slot == 0 ? lower : []))
    }
  }
}

extension DivergentFrames {
  /// Finds the frames that found ones build on, but for those that are known to stay. Looks at the
  /// directories of the segments that hold derived pages, no others.
  mutating func addBases(_ core: StoreCore, _ moment: StoreMoment) throws(StoreError) {
    for base in nodeBases { _ = insert(base) }
    guard !derivedHomes.isEmpty else { return }
    let (found, kept) = (found, kept)
    try core.listing.closeOverBases(of: moment.segments(holding: derivedKeptHomes), kept)
    var bases: [FrameName] = []
    try core.listing.forEachBase(of: moment.segments(holding: derivedHomes)) { derived, base in
      if found.contains(derived), !kept.contains(base) { bases.append(base) }
    }
    for base in bases { _ = insert(base) }
  }
}
