package import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

extension EngineBranch {
  /// The refs of stored pages, holes for holes, to be shared with a branch of the same domain. The
  /// volume's unsealed pages are sealed first.
  package func storedRefs(of volume: VolumeNumber, pages: Range<UInt64>) throws(StoreError)
    -> [Ref]
  {
    try pressure.sealer.seal(self)
    let root = state.withLock { $0.sealed.root }
    var refs: [Ref] = []
    for page in pages { refs.append(try root.pageRef(volume, PageNumber(page)) ?? .hole) }
    return refs
  }
}

/// Neighbouring pages of a volume that a copy takes in the same way.
package enum SharedRun: Sendable {
  /// Refs of stored pages, and holes, from this page on.
  case refs(UInt64, [Ref])
  /// Pages that only memory holds: their bytes are copied.
  case bytes(Range<UInt64>)
}

extension EngineBranch {
  /// The branch as it is now. It costs nothing to make and holds space as long as it lives; what it
  /// refers to may be shared meanwhile. Throws `notFound` once the branch is forgotten.
  ///
  /// - Parameter followsSeals: for reading only, however long that takes. Without it the view also
  ///   holds memory, namely the layers that were not sealed; it can be compared, and shared from.
  package func pinnedView(followsSeals: Bool = false) throws(StoreError) -> PinnedView {
    try core.gate.checkOpen()
    return try PinnedView(self, of: core, followsSeals: followsSeals)
  }

  /// As the catalogue has it now.
  package var name: String { core.name(of: id) }
}

extension PinnedView {
  /// Whole pages of a volume, as far as they can be shared without being read.
  package func sharedRuns(
    of volume: VolumeNumber, pages: Range<UInt64>
  ) throws(StoreError) -> [SharedRun] {
    let view = try VolumeView(state, volume, frames: core.frames)
    var runs: [SharedRun] = []
    for page in pages {
      switch try view.content(PageNumber(page)) {
      case .hole: Self.append(.hole, page, to: &runs)
      case .stored(let ref): Self.append(ref, page, to: &runs)
      case .bytes:
        if case .bytes(let range) = runs.last {
          runs[runs.count - 1] = .bytes(range.lowerBound..<page + 1)
        } else {
          runs.append(.bytes(page..<page + 1))
        }
      }
    }
    return runs
  }

  private static func append(_ ref: Ref, _ page: UInt64, to runs: inout [SharedRun]) {
    if case .refs(let first, var refs) = runs.last {
      // Taken out before it grows, so that growing copies nothing.
      runs.removeLast()
      refs.append(ref)
      runs.append(.refs(first, refs))
    } else {
      runs.append(.refs(page, [ref]))
    }
  }
}
