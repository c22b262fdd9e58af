package import CoppiceFormat
internal import Synchronization

/// A decoded node: header and 256 refs. Immutable once read or built.
package final class Node: @unchecked Sendable {
  package static let slotCount = NodeCodec.slotCount

  package let header: NodeHeader
  /// The effective refs: of a node stored as overrides these, and its base's where it has none.
  package let refs: UnsafePointer<Ref>
  /// Where the node itself is stored; its base if it is stored as overrides.
  package let locator: Locator
  package let base: Locator?
  /// What `StoredCount` found below; -1 for nothing yet.
  private let knownPageCount = Atomic<Int64>(-1)

  /// Takes ownership of `refs`, allocated with `allocateRefs`.
  package init(
    header: NodeHeader, refs: UnsafeMutablePointer<Ref>, locator: Locator, base: Locator?
  ) {
    self.header = header
    self.refs = UnsafePointer(refs)
    self.locator = locator
    self.base = base
  }

  deinit { UnsafeMutablePointer(mutating: refs).deallocate() }

  package static func allocateRefs() -> UnsafeMutablePointer<Ref> {
    let refs = UnsafeMutablePointer<Ref>.allocate(capacity: slotCount)
    refs.initialize(repeating: .hole, count: slotCount)
    return refs
  }

  /// What the node refers to, with the slots, ascending; no holes.
  ///
  /// This says what a node keeps, for collections, accounting, checks and repairs alike. What a
  /// base has under overrides is not among it: it keeps nothing, and may name frames that are gone.
  package var effectiveRefs: EffectiveRefs { EffectiveRefs(node: self) }

  package struct EffectiveRefs: Sequence, IteratorProtocol {
    fileprivate let node: Node
    private var slot = 0

    fileprivate init(node: Node) { self.node = node }

    package mutating func next() -> (slot: Int, ref: Ref)? {
      while slot < Node.slotCount {
        defer { slot += 1 }
        if !node.refs[slot].isHole { return (slot, node.refs[slot]) }
      }
      return nil
    }
  }

  /// Appends what `effectiveRefs` has, for loops that visit all nodes of a store.
  func appendEffectiveRefs(to all: inout [Ref]) {
    for slot in 0..<Self.slotCount where !refs[slot].isHole { all.append(refs[slot]) }
  }

  /// How many pages of the volume below are stored, once somebody has counted them.
  var storedPageCount: UInt64? {
    get { UInt64(exactly: knownPageCount.load(ordering: .relaxed)) }
    set { knownPageCount.store(newValue.map { Int64($0) } ?? -1, ordering: .relaxed) }
  }

  package static let byteCount = slotCount * Ref.byteCount + 128

  package subscript(slot: Int) -> Ref {
    precondition(slot >= 0 && slot < Self.slotCount)
    return refs[slot]
  }
}

/// How keys (page or volume numbers) map to levels and slots of the radix tree.
package enum Radix {
  package static let bitCount: UInt64 = 8

  /// How many keys a node of that level covers.
  package static func coverage(level: UInt8) -> UInt64 { 1 << (bitCount * (UInt64(level) + 1)) }

  /// How many keys one slot of a node of that level covers.
  package static func slotCoverage(level: UInt8) -> UInt64 { 1 << (bitCount * UInt64(level)) }

  package static func slot(of key: UInt64, level: UInt8) -> Int {
    Int(truncatingIfNeeded: key >> (bitCount * UInt64(level))) & 0xFF
  }

  /// The lowest level whose one node covers keys 0 to `count` - 1. Depends on nothing else, so that
  /// equal volumes have equal trees.
  static func level(forKeyCount count: UInt64) -> UInt8 {
    var level: UInt8 = 0
    while coverage(level: level) < count { level += 1 }
    return level
  }
}
