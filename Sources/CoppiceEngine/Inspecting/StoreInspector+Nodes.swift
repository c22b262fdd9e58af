package import CoppiceFormat
internal import CoppicePlatform

extension StoreInspector {
  package struct NodeInspection: Sendable {
    package var locator: Locator
    package var header: NodeHeader
    /// The full node that this one is stored as overrides of.
    package var base: Locator?
    /// Slots that are no holes.
    package var refs: [Slot]

    package struct Slot: Hashable, Sendable {
      package var index: Int
      package var ref: Ref
    }
  }

  /// The node of that name, decoded from disk. Throws `notFound`, `corrupt`, `invalid` when the
  /// frame is no node.
  package func node(_ name: FrameName) throws(StoreError) -> NodeInspection {
    try node(at: try find(name).1)
  }

  /// As `node(_:)`, for a ref that says where the node lies.
  package func node(at locator: Locator) throws(StoreError) -> NodeInspection {
    try lookingAgain(in: SegmentStore.folder) { () throws(StoreError) in
      try nodeNow(at: locator)
    }
  }

  private func nodeNow(at locator: Locator) throws(StoreError) -> NodeInspection {
    let refs = Node.allocateRefs()
    defer { refs.deallocate() }
    let object = "frame \(locator.name)"
    guard locator.form.kind == .volumeNode || locator.form.kind == .tableNode else {
      throw StoreError(.invalid, "the frame is no node", object: object)
    }
    let stored = try frame(locator)
    let codec = NodeCodec()
    var base: Locator?
    if locator.form.isDerived {
      do throws(FormatError) { base = try stored.withBytes(NodeCodec.baseLocator) } catch {
        throw StoreError(error, in: object)
      }
    }
    let baseStored = try base.map { base throws(StoreError) in try frame(base) }
    do throws(FormatError) {
      let header = try stored.withBytes { stored throws(FormatError) -> NodeHeader in
        guard let baseStored else { return try codec.decodeFull(stored, into: refs) }
        _ = try baseStored.withBytes { bytes throws(FormatError) in
          try codec.decodeFull(bytes, into: refs)
        }
        return try codec.decodeOverrides(stored, baseRefs: refs, into: refs)
      }
      return NodeInspection(
        locator: locator, header: header, base: base,
        refs: (0..<Node.slotCount).filter { !refs[$0].isHole }
          .map { NodeInspection.Slot(index: $0, ref: refs[$0]) })
    } catch {
      throw StoreError(error, in: object)
    }
  }

  private func frame(_ locator: Locator) throws(StoreError) -> [UInt8] {
    var (segment, offset) = (locator.name.segment, locator.offset)
    if !(try segments()).contains(segment) {
      let found = try find(locator.name)
      (segment, offset) = (found.segment, found.1.offset)
    }
    let bytes = try open(segment).segment.bytes(
      at: UInt64(offset), count: locator.storedByteCount)
    guard let bytes else {
      throw StoreError(
        .corrupt, "the segment ends before the frame does",
        object: "frame \(locator.name)")
    }
    return bytes
  }
}
