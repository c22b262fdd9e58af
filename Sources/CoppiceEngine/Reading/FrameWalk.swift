internal import CoppiceFormat
internal import CoppicePlatform

/// Visits what states refer to: every node and page that a root reaches by effective refs.
///
/// Effective are the refs that hold in a node (`Node.effectiveRefs`). The full frames that derived
/// ones build on are not visited: their bytes are needed, what they refer to is not. Bundle
/// directories tell which they are (`FrameListing.forEachBase`), of nodes and of pages alike. So a
/// walk never takes a node that it met as a base for one that it has been through: a name has two
/// states, bytes that are needed and a node that was walked, and whoever needs both keeps them
/// apart.
///
/// A node's checksum is verified when it is read.
struct FrameWalk {
  let frames: FrameReader

  /// Visits the frames that `roots` name and what is below every node that `enter` leaves.
  ///
  /// - Parameters:
  ///   - enter: called with all that one node refers to; it takes out what is not to be entered. A
  ///     frame may be met more than once.
  ///   - visited: called after each node.
  ///   - unreadable: called for a node that cannot be read; when it does not throw, the walk goes
  ///     on.
  /// - Throws: also what kept a node from being read and says nothing of it.
  func walk(
    _ roots: [Ref], enter: (inout [Ref]) throws(StoreError) -> Void,
    visited: () throws(StoreError) -> Void = {},
    unreadable: (Locator, StoreError) throws(StoreError) -> Void
  ) throws(StoreError) {
    var met = roots.filter { !$0.isHole }
    try enter(&met)
    var pending: [Ref] = met.reversed()
    while let next = pending.popLast() {
      if next.locator.form.kind == .page { continue }
      let node: Node
      do throws(StoreError) { node = try frames.node(next) } catch {
        if error.saysNothingOfContent { throw error }
        try unreadable(next.locator, error)
        continue
      }
      met.removeAll(keepingCapacity: true)
      node.appendEffectiveRefs(to: &met)
      try enter(&met)
      // Backwards, so that the first is read next. Pages have nothing below them.
      for ref in met.reversed() where ref.locator.form.kind != .page { pending.append(ref) }
      try visited()
    }
  }

  /// As above, frame by frame; the first node that cannot be read ends it.
  func walk(_ roots: [Ref], entering isWanted: (Locator) -> Bool) throws(StoreError) {
    try walk(
      roots, enter: { met in met.removeAll { !isWanted($0.locator) } },
      unreadable: { _, error throws(StoreError) in throw error })
  }
}
