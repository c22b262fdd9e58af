internal import CoppiceEngine
internal import CoppiceErrors
internal import CoppiceFormat

/// What a store does all the time, each by itself.
enum HotPath: String, CaseIterable {
  case readHit, readMiss, write, flush, fork, sealOfFullPages, sealOfDeltas, walk, mark, difference

  /// Prepares it, does it, and returns how often it was done.
  func work(in store: consuming MeasuredStore) throws(StoreError) -> Int {
    let pages = 0..<MeasuredStore.pageCount
    let main = store.main
    let engine = store.engine
    // A seal of new pages is what the store begins with.
    try store.fill(pages, of: main)
    if self == .sealOfFullPages {
      try count { () throws(StoreError) in try engine.sealer.sealAll() }
      return pages.count
    }
    try engine.sealer.sealAll()
    switch self {
    case .readHit: return try read(64, store)
    case .readMiss: return try read(MeasuredStore.pageCount, store)
    case .write: return try write(store, isFlushed: false)
    case .flush: return try write(store, isFlushed: true)
    case .fork: return try fork(store)
    case .sealOfFullPages: preconditionFailure("it was done")
    case .sealOfDeltas:
      try store.update(pages, of: main)
      try count { () throws(StoreError) in try engine.sealer.sealAll() }
    case .walk:
      try count { () throws(StoreError) in
        _ = try main.storedRefs(
          of: MeasuredStore.volume, pages: 0..<UInt64(MeasuredStore.pageCount))
      }
    case .mark, .difference: return try diverge(store)
    }
    return pages.count
  }

  private func read(
    _ limit: Int, _ store: consuming MeasuredStore
  ) throws(StoreError) -> Int {
    let pages = store.pages(4096, below: limit)
    // What is to be found in the cache is there before.
    for page in 0..<limit { try store.read(page, of: store.main) }
    let measured = store
    try count { () throws(StoreError) in
      for page in pages { try measured.read(page, of: measured.main) }
    }
    return pages.count
  }

  private func write(
    _ store: consuming MeasuredStore, isFlushed: Bool
  ) throws(StoreError) -> Int {
    let pages = store.pages(1024, below: MeasuredStore.pageCount)
    let measured = store
    try count { () throws(StoreError) in
      for page in pages {
        try measured.write(page, to: measured.main)
        if isFlushed {
          try measured.main.flush(through: measured.main.lastLSN(of: MeasuredStore.volume))
        }
      }
    }
    return pages.count
  }

  private func fork(_ store: MeasuredStore) throws(StoreError) -> Int {
    let names = (0..<512).map { "fork-\($0)" }
    try count { () throws(StoreError) in
      for name in names {
        _ = try store.engine.branches.fork(store.main, named: name, isReadOnly: false)
      }
    }
    return names.count
  }

  /// With forks that each changed every sixteenth page, all but one of which are gone.
  private func diverge(_ store: consuming MeasuredStore) throws(StoreError) -> Int {
    let engine = store.engine
    let main = store.main
    var forks: [EngineBranch] = []
    for number in 0..<8 {
      let fork = try engine.branches.fork(main, named: "fork-\(number)", isReadOnly: false)
      try store.update(stride(from: number, to: MeasuredStore.pageCount, by: 16), of: fork)
      forks.append(fork)
    }
    try engine.sealer.sealAll()
    if self == .difference {
      let difference = BranchDifference(
        from: try main.pinnedView(), to: try forks[0].pinnedView())
      try count { () throws(StoreError) in
        try difference.forEachVolume { _ throws(StoreError) in }
      }
      return MeasuredStore.pageCount / 16
    }
    try engine.branches.delete(Array(forks.dropFirst()))
    var options = CollectionOptions()
    options.forgetting = .all
    try count { () throws(StoreError) in _ = try engine.collector.collectGarbage(options) }
    return MeasuredStore.pageCount
  }
}
