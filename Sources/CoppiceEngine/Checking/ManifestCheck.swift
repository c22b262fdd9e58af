internal import CoppiceFormat

/// Checks every node below the roots it is given, and every ref in them against the directories.
/// Nodes that several roots share are checked once. Nothing comes from a cache that was filled
/// before the check.
final class ManifestCheck {
  /// What must hold for a node because of the place that refers to it.
  private struct Place {
    var kind: FrameKind
    /// `nil` for the top of a tree.
    var level: UInt8?
    var firstKey: UInt64
    /// Whether a node carries a volume's attributes; `nil` when either may be.
    var hasAttributes: Bool?
    var domain: DomainID
    /// The name of what refers to it, which is newer.
    var parent: FrameName
  }

  private let frames: FrameReader
  private let places: FramePlaces
  private let findings: FindingList
  private let goesOn: () -> Bool
  private let visited = FrameSet()
  private let visitedBases = FrameSet()
  private let visitedTops = FrameSet()
  private let reportedRefs = FrameSet()
  private(set) var nodeCount = 0
  private(set) var pageRefCount = 0
  /// Whether the check has ended early.
  private(set) var isCalledOff = false

  /// - Parameter goesOn: asked now and then; what is left is passed over once it says no.
  init(
    frames: FrameReader, places: FramePlaces, findings: FindingList,
    goesOn: @escaping () -> Bool
  ) {
    self.frames = frames
    self.places = places
    self.findings = findings
    self.goesOn = goesOn
  }

  // MARK: Roots

  /// A branch's root.
  func checkRoot(_ ref: Ref, domain: DomainID) {
    check(
      ref,
      Place(
        kind: .tableNode, level: nil, firstKey: 0, hasAttributes: false, domain: domain,
        parent: FrameName(rawValue: .max)))
  }

  /// What a layer refers to.
  func check(_ overlay: OverlayRef, domain: DomainID) {
    let parent = FrameName(rawValue: .max)
    if overlay.page == nil {
      check(
        overlay.ref,
        Place(
          kind: .volumeNode, level: nil, firstKey: 0, hasAttributes: true, domain: domain,
          parent: parent))
    } else {
      checkRef(overlay.ref, parent: parent, domain: domain)
    }
  }

  // MARK: Nodes

  private func check(_ ref: Ref, _ place: Place) {
    if ref.isHole || isCalledOff { return }
    guard checkRef(ref, parent: place.parent, domain: place.domain) else { return }
    let isNew = visited.insert(ref.locator.name)
    // A node may be met as an inner one before it is met as a volume's top.
    let isNewTop = place.hasAttributes == true && visitedTops.insert(ref.locator.name)
    guard isNew || isNewTop else { return }
    let object = frames.describe(ref.locator)
    guard ref.locator.form.kind == place.kind else {
      findings.add(object, "it is no node of the kind that belongs here", frame: ref.locator.name)
      return
    }
    do throws(StoreError) {
      let node = try frames.node(ref)
      checkHeader(node, place, object)
      guard isNew else { return }
      nodeCount += 1
      if nodeCount & 63 == 0 { isCalledOff = !goesOn() }
      try checkBase(of: node, place)
      checkChildren(of: node, place.domain)
    } catch {
      findings.add(object, error, frame: ref.locator.name)
    }
  }

  private func checkHeader(_ node: Node, _ place: Place, _ object: String) {
    let header = node.header
    var problem: String?
    if NodeCodec.identify(header, refs: node.refs, secret: frames.secret) != header.id {
      problem = "its id is not the hash of what it holds"
    } else if header.kind != place.kind || header.firstKey != place.firstKey
      || (place.level ?? header.level) != header.level
    {
      problem =
        "it is a node of level \(header.level) from key \(header.firstKey) on, and lies where "
        + "one of level \(place.level ?? header.level) from key \(place.firstKey) on belongs"
    } else if place.hasAttributes == false, header.byteCount != 0 || header.modified != 0 {
      problem = "it has a volume's attributes and is no volume's top node"
    } else if place.hasAttributes == true {
      problem = problemOfTop(node)
    }
    if let problem { findings.add(object, problem, frame: node.locator.name) }
  }

  private func problemOfTop(_ node: Node) -> String? {
    let unit = UInt64(frames.pageByteCount)
    let pageCount = (node.header.byteCount + unit - 1) / unit
    if node.header.level != Radix.level(forKeyCount: max(1, pageCount)) {
      return "its level, \(node.header.level), is not that of a volume of \(pageCount) pages"
    }
    if let last = lastPage(below: node), last >= pageCount {
      return "page \(last) lies past the volume's \(pageCount) pages"
    }
    return nil
  }

  /// The greatest page that is no hole; `nil` where there is none or the way there is unreadable.
  private func lastPage(below top: Node) -> UInt64? {
    var node = top
    while true {
      guard let slot = (0..<Node.slotCount).last(where: { !node.refs[$0].isHole }) else {
        return nil
      }
      let key =
        node.header.firstKey + UInt64(slot) * Radix.slotCoverage(level: node.header.level)
      if node.header.level == 0 { return key }
      // Unreadable nodes are reported where they are met.
      do throws(StoreError) {
        let child = try frames.node(node.refs[slot])
        guard child.header.level < node.header.level else { return nil }
        node = child
      } catch {
        findings.note(error)
        return nil
      }
    }
  }

  /// Checks the full node below overrides by itself. What it refers to is none of a base's: where
  /// it holds in the node above it is one of that node's children, elsewhere it may be gone.
  private func checkBase(of node: Node, _ place: Place) throws(StoreError) {
    guard let locator = node.base else { return }
    let base = try frames.baseNode(locator)
    let ref = Ref(hash: base.header.id, locator: locator)
    guard checkRef(ref, parent: node.locator.name, domain: place.domain),
      visitedBases.insert(locator.name)
    else { return }
    checkHeader(
      base,
      Place(
        kind: node.header.kind, level: node.header.level, firstKey: node.header.firstKey,
        hasAttributes: nil, domain: place.domain, parent: node.locator.name),
      frames.describe(locator))
  }

  private func checkChildren(of node: Node, _ domain: DomainID) {
    let header = node.header
    for (slot, ref) in node.effectiveRefs {
      if header.level > 0 {
        let step = Radix.slotCoverage(level: header.level)
        check(
          ref,
          Place(
            kind: header.kind, level: header.level - 1,
            firstKey: header.firstKey + UInt64(slot) * step, hasAttributes: false,
            domain: domain, parent: node.locator.name))
      } else if header.kind == .tableNode {
        check(
          ref,
          Place(
            kind: .volumeNode, level: nil, firstKey: 0, hasAttributes: true, domain: domain,
            parent: node.locator.name))
      } else {
        pageRefCount += 1
        checkRef(ref, parent: node.locator.name, domain: domain)
      }
    }
  }

  // MARK: Refs

  /// Compares a ref with the directory entry of the frame that it names. Returns whether it may be
  /// followed.
  @discardableResult
  private func checkRef(_ ref: Ref, parent: FrameName, domain: DomainID) -> Bool {
    let name = ref.locator.name
    var problem: String?
    var isThere = true
    if name >= parent {
      problem = "what refers to it, frame \(parent), is older"
    } else {
      switch places[name] {
      case .lost: break
      case .none:
        problem = "a ref names it, and no bundle directory does"
        isThere = false
      case .place(let found, let isMoved):
        if found.storedByteCount != ref.locator.storedByteCount || found.form != ref.locator.form
          || found.hashPrefix != ref.hash.low || (!isMoved && found.offset != ref.locator.offset)
        {
          problem = "a ref to it and its directory entry differ"
        } else if places.domain(of: name) != domain {
          problem = "a ref leads to it from another trust domain"
        }
      }
    }
    guard let problem else { return true }
    if reportedRefs.insert(name) {
      let object = frames.describe(ref.locator)
      if isThere {
        findings.add(object, problem, frame: name)
      } else {
        findings.addIfNeeded(object, problem, frame: name)
      }
    }
    return false
  }
}
