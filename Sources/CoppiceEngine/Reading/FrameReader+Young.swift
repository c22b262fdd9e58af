internal import CoppiceFormat

extension FrameReader {
  /// Adds what the node that `ref` names refers to, but for holes, and perhaps without frames whose
  /// names are not greater than `start`: a node that is stored as overrides on one that old is read
  /// without it.
  func appendRefs(
    of ref: Ref, youngerThan start: FrameName, to refs: inout [Ref]
  ) throws(StoreError) {
    if ref.locator.form.encoding == .overridesOnBase,
      nodes.value(ref.locator.name, hash: ref.hash) == nil,
      let own = try codecs.withSet({ set throws(StoreError) in
        try overrides(ref, onOlderThan: start, set)
      })
    {
      refs += own
      return
    }
    try node(ref).appendEffectiveRefs(to: &refs)
  }

  /// What the node overrides in its base; `nil` when that is younger.
  private func overrides(
    _ ref: Ref, onOlderThan start: FrameName, _ set: CodecSet
  ) throws(StoreError) -> [Ref]? {
    let stored = try storedBytes(ref.locator, set)
    guard try baseLocator(stored, ref.locator).name <= start else { return nil }
    let refs = Node.allocateRefs()
    defer { refs.deallocate() }
    do throws(FormatError) {
      // Over holes, of which nothing is wanted.
      let header = try set.nodes.decodeOverrides(stored, baseRefs: refs, into: refs)
      guard header.id == ref.hash else { throw .malformed(what: "node") }
    } catch {
      throw undecodable(error, ref.locator)
    }
    return (0..<Node.slotCount).lazy.map { refs[$0] }.filter { !$0.isHole }
  }
}
