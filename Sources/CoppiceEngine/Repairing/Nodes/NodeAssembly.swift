internal import CoppiceFormat
internal import CoppicePlatform

/// Puts a node together slot by slot. A slot's candidates are what the node's own bytes say, frames
/// that were written for its key before the node, and the same slot of other versions of the node.
/// The node's id says which choice is right; without a choice that it proves there is no node.
struct NodeAssembly {
  private let rebuild: NodeRebuild
  private let place: NodePlace
  private let own: Own
  private let versions: [Node]

  /// What the node's own bytes say, base and all.
  private struct Own {
    var header: NodeHeader?
    var refs: [Ref] = []
    var hashes: [UInt64: PageHash] = [:]
  }

  /// A choice of header and refs to begin with, and what else the slots may be.
  private struct Choice {
    var header: NodeHeader
    var starts: [[Ref]]
    var candidates: [[Ref]]
  }

  private static let versionCountMax = 16
  private static let attributesCountMax = 8
  private static let combinationCountMax = 1 << 16
  private static let pairedCountMax = 400
  private static let pairedStartCountMax = 3

  init(_ rebuild: NodeRebuild) {
    self.rebuild = rebuild
    place = rebuild.damaged.place
    // The nearest ones: what was written in between is least there.
    let (older, newer) = (
      rebuild.materials.versions.filter { $0.name < rebuild.damaged.name },
      rebuild.materials.versions.filter { $0.name > rebuild.damaged.name }
    )
    let near =
      older.suffix(Self.versionCountMax).reversed() + newer.prefix(Self.versionCountMax)
    versions = near.compactMap { rebuild.nodes.node(at: $0) }
    own = Self.own(rebuild)
  }

  func run() -> Node? {
    var levels = [UInt8](0...NodeHeader.levelMax)
    if let level = place.level { levels = [level] }
    for level in levels {
      let candidates = candidates(level)
      let starts = starts(level, candidates)
      for attributes in attributes(level) {
        let header = NodeHeader(
          kind: place.kind, level: level, firstKey: place.firstKey,
          byteCount: attributes.byteCount, modified: attributes.modified)
        let choice = Choice(header: header, starts: starts, candidates: candidates)
        if let node = search(choice) { return node }
      }
    }
    return nil
  }

  // MARK: The node's own bytes

  private static func own(_ rebuild: NodeRebuild) -> Own {
    var own = Own()
    for hash in rebuild.bytes.hashes { own.hashes[hash.low] = hash }
    guard !rebuild.bytes.stored.isEmpty else { return own }
    let refs = Node.allocateRefs()
    defer { refs.deallocate() }
    let base = base(rebuild)
    let found = rebuild.bytes.stored.withUnsafeBytes { stored in
      rebuild.engine.core.frames.codecs.withSet { set in
        set.nodes.salvage(
          stored, isDerived: rebuild.bytes.isDerived, baseRefs: base?.refs, into: refs)
      }
    }
    own.header = found?.header
    guard let found else { return own }
    if found.hasRefs {
      own.refs = (0..<Node.slotCount).map { slot in
        let isBases = refs[slot] == base?.refs[slot] && rebuild.isThere(refs[slot])
        return isBases ? refs[slot] : located(refs[slot], rebuild)
      }
    } else if found.hashes.count == Node.slotCount {
      own.refs = found.hashes.map { hash in
        rebuild.materials.named[hash.low]?.first.map { Ref(hash: hash, locator: $0) } ?? .hole
      }
    }
    return own
  }

  private static func base(_ rebuild: NodeRebuild) -> Node? {
    guard rebuild.bytes.isDerived else { return nil }
    if let name = rebuild.materials.own?.base,
      let locator = rebuild.materials.versions.first(where: { $0.name == name })
    {
      return rebuild.nodes.node(at: locator)
    }
    return rebuild.nodes.base(of: rebuild.damaged.locator).flatMap { rebuild.nodes.node(at: $0) }
  }

  /// A ref whose locator a directory confirms, and whose hash that of the frame there is.
  private static func located(_ ref: Ref, _ rebuild: NodeRebuild) -> Ref {
    if ref.isHole { return ref }
    if case .place = rebuild.places[ref.locator.name], rebuild.isThere(ref) { return ref }
    // The locator or the hash is damaged, or no directory can tell.
    if let locator = rebuild.materials.named[ref.hash.low]?.first {
      return Ref(hash: ref.hash, locator: locator)
    }
    let lost = rebuild.damaged.isMereBase ? ref : .hole
    guard let hash = hash(of: ref.locator, rebuild) else { return lost }
    let found = Ref(hash: hash, locator: ref.locator)
    return rebuild.isThere(found) ? found : lost
  }

  private static func hash(of locator: Locator, _ rebuild: NodeRebuild) -> PageHash? {
    let frames = rebuild.engine.core.frames
    guard locator.form.kind == .page else { return rebuild.nodes.node(at: locator)?.header.id }
    let page = frames.codecs.withSet { set throws(Never) in
      rebuild.nodes.read(try frames.decodePage(locator, set))
    }
    return page.map { frames.secret.pageHash($0.contents) }
  }

  // MARK: Candidates

  private func attributes(_ level: UInt8) -> [VolumeAttributes] {
    let none = VolumeAttributes(byteCount: 0, modified: 0)
    if place.hasAttributes == false { return [none] }
    var found: [VolumeAttributes] = []
    for header in [own.header].compactMap({ $0 }) + versions.map(\.header) {
      let attributes = VolumeAttributes(byteCount: header.byteCount, modified: header.modified)
      if !found.contains(attributes) { found.append(attributes) }
    }
    if !found.contains(none) { found.append(none) }
    return Array(found.prefix(Self.attributesCountMax))
  }

  /// For every slot, the likeliest first.
  private func candidates(_ level: UInt8) -> [[Ref]] {
    let span = Radix.slotCoverage(level: level)
    let sameLevel = versions.filter { $0.header.level == level }
    return (0..<Node.slotCount).map { slot in
      var refs: [Ref] = []
      // What is gone only tells a hash.
      var gone: [Ref] = []
      let written = rebuild.materials.children[place.firstKey + UInt64(slot) * span] ?? []
      refs += written.compactMap { ref($0, level: level, slot) }
      for version in sameLevel {
        let ref = version.refs[slot]
        if ref.isHole || (ref.locator.name < rebuild.damaged.name && rebuild.isThere(ref)) {
          refs.append(ref)
        } else if rebuild.damaged.isMereBase, ref.locator.name < rebuild.damaged.name {
          gone.append(ref)
        }
      }
      refs.sort { $0.locator.name > $1.locator.name }
      refs += gone
      var first = refs.filter { own.hashes[$0.hash.low] == $0.hash }
      // What the bytes say as a whole comes before what they only mention.
      if !own.refs.isEmpty, own.header?.level == level { first.insert(own.refs[slot], at: 0) }
      var chosen: [Ref] = []
      var hashes: Set<PageHash> = []
      for ref in first + refs where hashes.insert(ref.hash).inserted { chosen.append(ref) }
      return chosen.isEmpty ? [.hole] : chosen
    }
  }

  private func ref(_ child: NodeMaterials.Child, level: UInt8, _ slot: Int) -> Ref? {
    let kind = place.childKind(level: level)
    guard child.locator.form.kind == kind else { return nil }
    if kind == .page {
      let hash = own.hashes[child.hashPrefix] ?? NodeAssembly.hash(of: child.locator, rebuild)
      return hash.map { Ref(hash: $0, locator: child.locator) }
    }
    guard let node = rebuild.nodes.node(at: child.locator) else {
      // Damaged as well, and lost or not, this is where it lies.
      return own.hashes[child.hashPrefix].map { Ref(hash: $0, locator: child.locator) }
    }
    let header = NodeHeader(kind: place.kind, level: level, firstKey: place.firstKey)
    guard let below = place.child(of: header, slot: slot),
      node.header.level == below.level ?? levelOfTop(node),
      node.header.firstKey == below.firstKey
    else { return nil }
    return Ref(hash: node.header.id, locator: child.locator)
  }

  private func levelOfTop(_ node: Node) -> UInt8 {
    let unit = UInt64(rebuild.engine.pageByteCount)
    return Radix.level(forKeyCount: max(1, (node.header.byteCount + unit - 1) / unit))
  }

  /// Whole choices: the likeliest of every slot, and every version with what was written since, by
  /// anybody or by the node's own seal.
  private func starts(_ level: UInt8, _ candidates: [[Ref]]) -> [[Ref]] {
    var starts = [candidates.map { $0[0] }]
    var known = Set(starts)
    for version in versions where version.header.level == level {
      let name = version.locator.name
      for since in [name, max(name, rebuild.materials.sealStart)] {
        let start = candidates.indices.map { slot in
          let newer = candidates[slot].filter { $0.locator.name > since }
            .max { $0.locator.name < $1.locator.name }
          if let newer { return newer }
          let hash = version.refs[slot].hash
          return candidates[slot].first { $0.hash == hash } ?? candidates[slot][0]
        }
        if known.insert(start).inserted { starts.append(start) }
      }
    }
    return starts
  }

  // MARK: Search

  private func search(_ choice: Choice) -> Node? {
    let refs = Node.allocateRefs()
    defer { refs.deallocate() }
    func take(_ start: [Ref]) { for slot in 0..<Node.slotCount { refs[slot] = start[slot] } }
    for start in choice.starts {
      take(start)
      if let node = rebuild.proven(choice.header, refs) { return node }
    }
    if let start = choice.starts.first {
      take(start)
      if let node = searchAll(choice, refs) { return node }
    }
    for (index, start) in choice.starts.enumerated() {
      take(start)
      let isPaired = index < Self.pairedStartCountMax
      if let node = searchNear(choice, refs, isPaired: isPaired) { return node }
    }
    return nil
  }

  /// Every combination, if they are not too many.
  private func searchAll(_ choice: Choice, _ refs: UnsafeMutablePointer<Ref>) -> Node? {
    let open = choice.candidates.indices.filter { choice.candidates[$0].count > 1 }
    var count = 1
    for slot in open {
      count *= choice.candidates[slot].count
      if count > Self.combinationCountMax { return nil }
    }
    var digits = [Int](repeating: 0, count: open.count)
    for slot in open { refs[slot] = choice.candidates[slot][0] }
    while true {
      if let node = rebuild.proven(choice.header, refs) { return node }
      var index = 0
      while index < open.count {
        let slot = open[index]
        digits[index] = (digits[index] + 1) % choice.candidates[slot].count
        refs[slot] = choice.candidates[slot][digits[index]]
        if digits[index] > 0 { break }
        index += 1
      }
      if index == open.count { return nil }
    }
  }

  /// Every choice that differs in one slot, or, if they are not too many, in two.
  private func searchNear(
    _ choice: Choice, _ refs: UnsafeMutablePointer<Ref>, isPaired: Bool
  ) -> Node? {
    let open = choice.candidates.indices.filter { choice.candidates[$0].count > 1 }
    let count = open.reduce(0) { $0 + choice.candidates[$1].count }
    let isPaired = isPaired && count <= Self.pairedCountMax
    for (index, slot) in open.enumerated() {
      let kept = refs[slot]
      for ref in choice.candidates[slot] where ref != kept {
        refs[slot] = ref
        if let node = rebuild.proven(choice.header, refs) { return node }
        if !isPaired { continue }
        for other in open[(index + 1)...] {
          let keptOther = refs[other]
          for ref in choice.candidates[other] where ref != keptOther {
            refs[other] = ref
            if let node = rebuild.proven(choice.header, refs) { return node }
          }
          refs[other] = keptOther
        }
      }
      refs[slot] = kept
    }
    return nil
  }
}
