internal import CoppiceFormat

/// What must hold for a node because of the place that refers to it.
struct NodePlace {
  var kind: FrameKind
  /// `nil` for the top of a tree.
  var level: UInt8?
  var firstKey: UInt64
  /// Whether the node carries a volume's attributes; `nil` when either may be.
  var hasAttributes: Bool?
  /// The volume whose node it is; `.names` for a table's.
  var volume: VolumeNumber
  var domain: DomainID

  static func root(_ domain: DomainID) -> NodePlace {
    NodePlace(
      kind: .tableNode, level: nil, firstKey: 0, hasAttributes: false, volume: .names,
      domain: domain)
  }

  static func top(of volume: VolumeNumber, _ domain: DomainID) -> NodePlace {
    NodePlace(
      kind: .volumeNode, level: nil, firstKey: 0, hasAttributes: true, volume: volume,
      domain: domain)
  }

  /// The place of a node that `parent`, in this place, refers to in `slot`; `nil` for pages.
  func child(of parent: NodeHeader, slot: Int) -> NodePlace? {
    let key = parent.firstKey + UInt64(slot) * Radix.slotCoverage(level: parent.level)
    if parent.level > 0 {
      return NodePlace(
        kind: kind, level: parent.level - 1, firstKey: key, hasAttributes: false, volume: volume,
        domain: domain)
    }
    return kind == .tableNode ? .top(of: VolumeNumber(key), domain) : nil
  }

  /// The place of the full node that one of this place builds on.
  func base(level: UInt8?) -> NodePlace {
    var base = self
    base.level = level ?? self.level
    base.hasAttributes = nil
    return base
  }

  /// What nodes of this place may refer to, depending on their level.
  func childKind(level: UInt8) -> FrameKind {
    NodeHeader(kind: kind, level: level, firstKey: firstKey).childKind
  }
}

/// A node that cannot be read.
struct DamagedNode {
  var locator: Locator
  /// What refs say; `nil` for a node that is known only as a base: its directory has half of it.
  var id: PageHash?
  var place: NodePlace

  /// Whether only nodes that build on it need it. Frames that it refers to may be gone then.
  var isMereBase: Bool { id == nil }

  var name: FrameName { locator.name }
}
