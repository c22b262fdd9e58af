package import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

extension EngineBranch {
  /// The refs of stored pages, holes for holes, to be shared with a branch of the same domain. The
  /// volume's unsealed pages are sealed first.
  package func storedRefs(of volume: VolumeNumber, pages: Range<UInt64>) throws(StoreError)
    -> [Ref]
  {
    try engine.seal(self)
    let root = state.withLock { $0.sealed.root }
    var refs: [Ref] = []
    for page in pages { refs.append(try root.pageRef(volume, PageNumber(page)) ?? .hole) }
    return refs
  }
}
