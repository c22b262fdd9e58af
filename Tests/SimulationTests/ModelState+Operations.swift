internal import CoppiceFormat

/// What operations do to the model.
extension ModelState {
  /// The state after an operation that changes something.
  ///
  /// - Parameters:
  ///   - child: the branch that a fork or creation made; `nil` when it was not made.
  ///   - time: when volumes were changed.
  func after(_ operation: Operation, child: BranchID?, time: Int64) -> ModelState {
    var state = self
    switch operation {
    case .commit(let id, let changes):
      for change in changes { state.branches[id]?.apply(change, time: time) }
    case .fork(let source, let name, let isReadOnly):
      guard let child, var branch = branches[source] else { break }
      branch.name = name
      branch.isReadOnly = isReadOnly
      branch.annotations = branch.annotations.inherited
      branch.annotations.apply(Operation.annotations(of: name))
      state.branches[child] = branch
    case .create(let name, let domain):
      guard let child else { break }
      state.branches[child] = ModelBranch(name: name, domain: domain)
      state.branches[child]?.annotations.apply(Operation.annotations(of: name))
    case .rename(let id, let name):
      state.branches[id]?.name = name
    case .delete(let id):
      state.branches[id]?.isDeleted = true
    case .deleteForGood(let id):
      state.branches[id] = nil
    case .restore(let id, let name):
      state.branches[id]?.isDeleted = false
      state.branches[id]?.annotations[.expired] = nil
      state.branches[id]?.annotations[.keepUntil] = nil
      state.branches[id]?.name = name
    case .reset(let id, let source):
      guard let own = branches[id], let taken = branches[source] else { break }
      state.branches[id]?.volumes = taken.volumes
      state.branches[id]?.annotations = own.annotations.inheriting(from: taken.annotations)
    case .importNew(let name, let seed, let domain):
      guard let child else { break }
      state.branches[child] = ModelBranch(
        name: name, domain: domain, volumes: ImportContent(seed: seed).model(time: time))
    case .importReplacing(let id, let seed):
      state.branches[id]?.volumes = ImportContent(seed: seed).model(time: time)
    case .annotate(let id, let tag, let value):
      state.branches[id]?.annotations[tag] = value
    case .set(let key, let value):
      state.settings[key] = value
    case .share(let source, let volume, let pages, let target, let other, let page):
      let size = UInt64(ModelVolume.pageByteCount)
      let from = branches[source]?.volumes[volume] ?? ModelVolume()
      for (index, number) in pages.enumerated() {
        state.branches[target]?.volumes[other, default: ModelVolume()].write(
          from.page(number), at: (page + UInt64(index)) * size)
      }
      state.branches[target]?.volumes[other]?.modified = time
    default:
      break
    }
    return state
  }
}

extension ModelBranch {
  mutating func apply(_ change: VolumeChange, time: Int64) {
    switch change {
    case .write(let volume, let offset, let count, let seed):
      guard count > 0 else { return }
      volumes[volume, default: ModelVolume()].write(
        Workload.bytes(count, seed: seed), at: offset)
      volumes[volume]?.modified = time
    case .hole(let volume, let offset, let count):
      volumes[volume]?.hole(at: offset, byteCount: count)
      volumes[volume]?.modified = time
    case .resize(let volume, let count):
      volumes[volume, default: ModelVolume()].resize(to: count)
      volumes[volume]?.modified = time
    case .drop(let volume):
      volumes[volume] = nil
    }
  }
}
