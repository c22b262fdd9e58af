package import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// A branch or snapshot as it was at one moment, for readers that take long: exports, differences.
///
/// What it refers to stays readable until the view is released, whatever becomes of the branch.
package final class PinnedView: VolumeSpace {
  /// Whose state it is.
  package let branch: EngineBranch
  let core: StoreCore
  private let key: UInt64

  init(
    _ branch: EngineBranch, of core: StoreCore, followsSeals: Bool
  ) throws(StoreError) {
    self.branch = branch
    self.core = core
    key = try branch.writer.withLockFirst { () throws(StoreError) in
      branch.freezeOpenLayer(through: core.journal.lastLSN)
      // Under the keeper's lock a collection takes its roots: it sees the branch's or this one.
      // What a forgotten branch refers to may be going already.
      return try core.keeper.read { kept throws(StoreError) in
        guard kept.branches[branch.id] === branch else {
          throw StoreError(.notFound, "the branch was deleted for good")
        }
        let state = branch.state.withLock { $0.sealed }
        return core.pins.insert(state, followsSeals: followsSeals)
      }
    }
  }

  deinit { core.pins.remove(key) }

  /// The same at all times, unless the view follows seals: then it may be given up at any time, and
  /// `reading` is the way to it.
  var state: SealedState {
    guard let state = core.pins.state(key) else { preconditionFailure("a view without its pin") }
    return state
  }

  /// Runs `body`, which has no effect but its result, on the state.
  private func reading<Result>(
    _ body: (SealedState) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    try core.gate.checkOpen()
    while true {
      let state = self.state
      do throws(StoreError) { return try body(state) } catch {
        // What only the root before a seal referred to may have been collected.
        guard self.state.root.root != state.root.root else { throw error }
      }
    }
  }

  /// Bytes of a page of the store.
  package var pageByteCount: Int { core.pageByteCount }

  /// As they were at the moment of the view.
  package func attributes(of volume: VolumeNumber) throws(StoreError) -> VolumeAttributes? {
    try reading { state throws(StoreError) in try state.attributes(of: volume) }
  }

  /// As `VolumeSpace.read`, at the moment of the view.
  package func read(
    _ volume: VolumeNumber, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(StoreError) -> Int {
    try reading { state throws(StoreError) in
      guard let end = try state.attributes(of: volume)?.byteCount else { return 0 }
      let copier = PageCopier(pageByteCount: pageByteCount)
      if let pages = copier.aheadPages(at: offset, end: end, byteCount: buffer.count) {
        // What is wrong with the tree shows when its pages are read.
        try? state.beginReading(volume, pages, core.frames)
      }
      return try copier.read(at: offset, end: end, into: buffer) {
        number throws(StoreError) in try state.page(.below, volume, number, core.frames)
      }
    }
  }

  /// As `EngineBranch.storedRanges`.
  package func storedRanges(
    of volume: VolumeNumber, in range: Range<UInt64>
  ) throws(StoreError) -> [Range<UInt64>] {
    try reading { state throws(StoreError) in
      try VolumeView(state, volume, frames: core.frames)
        .storedRanges(in: range, pageByteCount: pageByteCount)
    }
  }

  /// Always throws `denied`.
  package func commit(_ transaction: borrowing Transaction) throws(StoreError) -> LSN {
    throw StoreError(.denied, "a view of a moment cannot be written")
  }

  /// As the branch does.
  package func flush(through lsn: LSN) throws(StoreError) {
    try core.journal.flush(through: lsn)
  }
}
