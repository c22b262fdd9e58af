package import CoppiceFormat

/// A node as it is stored: in full, or as overrides on the full node that the old version builds
/// on, or is.
///
/// Overrides are taken while they need at most half of the full node's room, and either are few or
/// mostly new: a node rewritten at random grows few overrides before it is stored in full.
package struct NodeFrame {
  package private(set) var stored: [UInt8] = []
  package let form: FrameForm
  /// What overrides lie on.
  package let base: Locator?

  /// - Parameters:
  ///   - refs: the node's 256, whose locators are valid where it is to be stored.
  ///   - old: what the node takes the place of, stored there too.
  ///   - base: `old` if that is stored in full, else the full node that it builds on; `nil` where
  ///     it cannot be read.
  package init(
    _ header: NodeHeader, refs: UnsafePointer<Ref>, replacing old: Node?, on base: Node?,
    _ codec: NodeCodec
  ) {
    if let base, let old, Self.prefersOverrides(refs, base: base, old: old) {
      codec.encodeOverrides(
        header, refs: refs, base: base.locator, baseRefs: base.refs, into: &stored)
      form = FrameForm(header.kind, .overridesOnBase)
      self.base = base.locator
    } else {
      codec.encodeFull(header, refs: refs, into: &stored)
      form = FrameForm(header.kind, .columns)
      self.base = nil
    }
  }

  /// - Parameter bytes: those of `stored`.
  package func pending(
    _ bytes: UnsafeRawBufferPointer, _ header: NodeHeader, _ volume: VolumeNumber
  ) -> PendingFrame {
    PendingFrame(
      stored: bytes, form: form, hashPrefix: header.id.low, volume: volume,
      page: PageNumber(header.firstKey), base: base?.name ?? .none)
  }

  static func prefersOverrides(_ refs: UnsafePointer<Ref>, base: Node, old: Node) -> Bool {
    var childCount = 0
    var overrideCount = 0
    var newCount = 0
    for slot in 0..<Node.slotCount {
      let ref = refs[slot]
      if !ref.isHole { childCount += 1 }
      if ref != base.refs[slot] { overrideCount += 1 }
      if ref != old.refs[slot] { newCount += 1 }
    }
    return overrideCount * 2 <= childCount
      && (overrideCount <= 32 || newCount * 2 >= overrideCount)
  }
}
