internal import CoppiceFormat
internal import CoppicePlatform

extension EngineBranch {
  /// Why the branch's lowest layer cannot be sealed; `nil` when it can, as far as is known.
  var sealFailure: StoreError? {
    let (bottom, root) = state.withLock { ($0.sealed.frozen.bottom, $0.sealed.root.root) }
    guard let bottom, let failure = core.unsealable.failure(of: bottom, on: root) else {
      return nil
    }
    // A write may have healed it since.
    if failure.isHealable, core.damageInSight(of: bottom) == nil { return nil }
    return failure.error
  }

  /// Why a page of one of the branch's layers cannot be read, if no layer above hides it. Once
  /// hidden it stays so: whoever takes the branch's state takes the layers above too.
  fileprivate func damageInSight(of layer: Layer) -> StoreError? {
    state.withLock { state in
      let layers = state.sealed.frozen.layers + [state.open]
      guard let index = layers.firstIndex(where: { $0 === layer }) else { return nil }
      // Not even a layer below: on a new root it would be forgotten which volumes nobody may read.
      if let error = layers.lazy.compactMap({ $0.lostVolumes.values.first }).first { return error }
      let above = layers[(index + 1)...].reversed()
      return layer.unreadablePages.first { damage in
        for upper in above {
          switch upper[damage.volume]?.lookup(damage.page) ?? .below {
          case .below: continue
          case .page(.unreadable): return true
          case .page, .hole, .adopted: return false
          }
        }
        return true
      }?.error
    }
  }
}

extension StoreCore {
  /// Why some branch cannot read a page of this layer; `nil` when there is no such page. A layer
  /// without can be sealed: the writes that hide what is damaged have smaller LSNs than the
  /// publish.
  func damageInSight(of layer: Layer) -> StoreError? {
    guard layer.holdsUnreadable || unsealable.hasLostVolumes else { return nil }
    for branch in keeper.branches {
      if let error = branch.damageInSight(of: layer) { return error }
    }
    return nil
  }
}
