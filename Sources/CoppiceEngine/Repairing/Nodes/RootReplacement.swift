internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// Gives every branch, snapshot and deleted branch whose root leads to something healed a new root
/// of the same content, all by records that one sync makes durable. A crash before it leaves frames
/// that opening drops, and the store as it was.
struct RootReplacement {
  let engine: Engine
  /// Healed nodes, which stand in for what is stored.
  let nodes: HealedNodes
  /// By the names of pages that cannot be read: frames of their domain with the same content.
  var pages: [FrameName: Ref] = [:]

  func run() throws(StoreError) {
    let entries = engine.core.keeper.entries
    try engine.sealer.sealing.withLock { () throws(StoreError) in
      try engine.core.latch.withShared { () throws(StoreError) in
        var newRoots: [(old: Ref, new: Ref)] = []
        for (domain, entries) in Dictionary(grouping: entries, by: \.domain) {
          let rewrite = try NodeRewrite(engine, nodes, pages, domain)
          for (root, sharers) in Dictionary(grouping: entries, by: \.root) {
            let new = try rewrite.newRoot(for: root)
            if new == root { continue }
            newRoots.append((root, new))
            // A catalogue that is put together later must not go back to what was damaged.
            try engine.sealer.appendNotes(sharers, root: new)
          }
        }
        try nodes.checkUnhindered()
        try publish(newRoots.sorted { $0.old.locator.name < $1.old.locator.name })
      }
    }
  }

  private func publish(_ newRoots: [(old: Ref, new: Ref)]) throws(StoreError) {
    if newRoots.isEmpty { return }
    let ends = try engine.core.appenders.sync()
    var last = LSN.zero
    try engine.core.keeper.change { kept throws(StoreError) in
      for (index, root) in newRoots.enumerated() {
        last = try kept.record(
          .publish(
            oldRoot: root.old, intervals: [], newRoot: root.new, ends: index == 0 ? ends : []))
      }
    }
    try engine.core.journal.flush(through: last)
    engine.core.appenders.markPublished(ends)
    // While the store is being opened there are none yet.
    let branches = engine.core.keeper.branches
    // Healed nodes are stored for whoever has them, and nobody counts them.
    for branch in branches { engine.core.hints.added.withLock { $0.forget(branch.id) } }
    for root in newRoots {
      let view = RootView(root.new, frames: engine.core.frames)
      for branch in branches { branch.replaceRoot(root.old, with: view) }
    }
  }
}

extension EngineBranch {
  /// Takes a root of the same content; layers stay as they are.
  fileprivate func replaceRoot(_ old: Ref, with new: RootView) {
    state.withLock { state in
      guard state.sealed.root.root == old else { return }
      new.block(likeIn: state.sealed.root)
      state.sealed = SealedState(root: new, frozen: state.sealed.frozen)
    }
  }
}
