internal import CoppiceEngine
package import CoppiceErrors
internal import CoppiceFormat
internal import CoppicePlatform

extension PoolContent {
  /// The segments that states reach: those of their nodes and pages, and of what these build on.
  /// Throws for the first node or index that cannot be read: then nobody knows what lies behind.
  func segments(reachedFrom roots: [Ref]) throws(StoreError) -> Set<SegmentID> {
    var reached: Set<SegmentID> = []
    var visited: Set<FrameName> = []
    var derived: [SegmentID: Set<FrameName>] = [:]
    var pending = roots.filter { !$0.isHole }
    while let ref = pending.popLast() {
      if options.shouldStop() { throw .stopped }
      guard visited.insert(ref.locator.name).inserted else { continue }
      let node = try node(ref)
      reached.insert(ref.locator.name.segment)
      if let base = node.base { reached.insert(base.name.segment) }
      for (_, child) in node.effectiveRefs {
        let name = child.locator.name
        guard child.locator.form.kind == .page else {
          pending.append(child)
          continue
        }
        reached.insert(name.segment)
        if child.locator.form.isDerived { derived[name.segment, default: []].insert(name) }
      }
    }
    for (id, names) in derived {
      let frames = try frames(of: id)
      for name in names {
        guard let base = frames.frame(name)?.base, base != .none else {
          throw StoreError(
            .corrupt, "tells of no page that \(name) builds on",
            object: PoolObjectName.segment(id).key, remedy: "check the pool")
        }
        reached.insert(base.segment)
      }
    }
    return reached
  }
}

extension PoolWriter {
  /// Forgets what was deleted, and removes the segments that no entry reaches any more. Other calls
  /// wait until it ends.
  ///
  /// Throws what `collect(mark:)` does.
  package func collect(_ options: TransferOptions) throws(StoreError) -> CollectionResult {
    let content = try access.withLock { access throws(StoreError) in try access.content(options) }
    let result = try collect { roots throws(StoreError) in
      try content.segments(reachedFrom: roots.entries.map(\.root))
    }
    content.cache?.remove(result.removed)
    return result
  }
}
