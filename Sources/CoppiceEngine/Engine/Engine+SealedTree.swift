internal import CoppiceFormat

extension Engine {
  /// Seals what a branch holds at this moment, and holds the state that it has then. Throws what
  /// sealing does.
  package func sealedTree(of branch: EngineBranch) throws(StoreError) -> SealedTree {
    let lsn = core.journal.lastLSN
    try sealer.sealPresent(branch)
    // A collection takes its roots under this lock: it sees the branch's root or the pin.
    let (root, key) = try core.keeper.read { kept throws(StoreError) in
      guard kept.branches[branch.id] === branch else {
        throw StoreError(.notFound, "the branch was deleted for good")
      }
      let root = branch.state.withLock { $0.sealed.root }
      return (root.root, core.pins.insert(SealedState(root: root, frozen: .empty)))
    }
    var count = LogicalCount(frames: core.frames)
    do throws(StoreError) {
      let total = root.isHole ? 0 : try count.total(below: root).byteCount
      return SealedTree(branch, root: root, key: key, lsn: lsn, logicalByteCount: total)
    } catch {
      core.pins.remove(key)
      throw error
    }
  }
}
