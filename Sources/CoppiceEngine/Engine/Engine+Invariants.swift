internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

extension Engine {
  /// Checks what must hold between RAM and catalogue whenever no call is under way but those of the
  /// engine's own threads; traps when it does not. For tests and simulations.
  package func checkInvariants() {
    let check = { self.core.keeper.read { self.checkInvariants($0) } }
    // Between a publish's record and its effect on RAM the two differ.
    if core.options.usesThreads { sealer.sealing.withLock(check) } else { check() }
  }

  private func checkInvariants(_ kept: borrowing Kept) {
    kept.catalogue.checkInvariants()
    precondition(
      Set(kept.branches.keys) == Set(kept.catalogue.branches.keys), "a branch without its RAM state"
    )
    var byteCount = 0
    var seen: Set<ObjectIdentifier> = []
    for (id, branch) in kept.branches {
      guard let entry = kept.catalogue.branches[id] else { continue }
      let state = branch.state.withLock { $0 }
      precondition(
        entry.root == state.sealed.root.root, "RAM and catalogue differ about a branch's root")
      let layers = state.sealed.frozen.layers + [state.open]
      precondition(
        Interval.join(layers.map(\.interval)) == Interval.join(entry.intervals),
        "RAM and catalogue differ about a branch's intervals")
      precondition(branch.isDeleted == entry.flags.contains(.deleted), "deleted here, not there")
      for layer in layers where seen.insert(ObjectIdentifier(layer)).inserted {
        layer.checkInvariants()
        byteCount += layer.byteCount
      }
      for (lower, upper) in zip(layers, layers.dropFirst()) {
        precondition(lower.isFrozen && lower.through <= upper.from, "layers out of order")
      }
    }
    precondition(core.meter.byteCount >= byteCount, "the overlay's meter lost bytes")
  }
}

extension Layer {
  func checkInvariants() {
    volumes.forEach { _, part in
      part.checkInvariants()
      precondition(part.lastLSN > from && part.lastLSN <= through, "a write outside its layer")
    }
  }
}
