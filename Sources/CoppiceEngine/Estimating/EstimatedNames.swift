package import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// The names of a state whose contents are estimated: volume 0, in memory until it is sealed. Of
/// the other volumes it knows nothing. Thread-safe.
package final class EstimatedNames: VolumeSpace, PageSource, Sendable {
  private let estimate: SealEstimate
  private let context: SealContext
  private let state: Mutex<State>

  private struct State: Sendable {
    var root: RootView
    var layer: Layer
  }

  init(_ estimate: SealEstimate, on root: RootView, _ context: SealContext) {
    self.estimate = estimate
    self.context = context
    state = Mutex(State(root: root, layer: Self.layer()))
  }

  private static func layer() -> Layer {
    Layer(writer: BranchID(0), from: .zero, meter: OverlayMeter())
  }

  var root: RootView { state.withLock { $0.root } }

  private var sealed: SealedState { SealedState(root: root, frozen: .empty) }

  /// Folds the names and these volumes into the root. No names may come meanwhile.
  package func seal(
    tops: [(volume: VolumeNumber, top: Ref)], counts: inout SealCounts
  ) throws(StoreError) {
    let (root, layer) = state.withLock { ($0.root, $0.layer) }
    let new = try estimate.seal(layer, tops, on: root, context, counts: &counts)
    state.withLock { $0 = State(root: new, layer: Self.layer()) }
  }

  // MARK: Volumes

  package var pageByteCount: Int { estimate.buffers.pageByteCount }

  package func attributes(of volume: VolumeNumber) throws(StoreError) -> VolumeAttributes? {
    guard volume == .names else { return nil }
    let written = state.withLock { $0.layer[volume].map(\.attributes) }
    return try sealed.attributes(of: volume, above: written)
  }

  func checkDomain(of ref: Ref) throws(StoreError) {}

  func page(_ answer: VolumeLayer.Answer, _ volume: VolumeNumber, _ page: PageNumber)
    throws(StoreError) -> PageBuffer?
  {
    let written = state.withLock { $0.layer[volume]?.lookup(page) ?? .below }
    return try sealed.page(answer.isBelow ? written : answer, volume, page, estimate.frames)
  }

  package func read(
    _ volume: VolumeNumber, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(StoreError) -> Int {
    guard let end = try attributes(of: volume)?.byteCount else { return 0 }
    return try PageCopier(pageByteCount: pageByteCount).read(at: offset, end: end, into: buffer) {
      number throws(StoreError) in try page(.below, volume, number)
    }
  }

  package func commit(_ transaction: borrowing Transaction) throws(StoreError) -> LSN {
    let records = copy transaction
    var builder = ChangeBuilder(on: self, buffers: estimate.buffers, time: records.time)
    try builder.apply(records)
    nonisolated(unsafe) let change = builder.change
    state.withLock { $0.layer.merge(change, lsn: .zero, pageByteCount: pageByteCount) }
    return .zero
  }

  /// Nothing of it is durable, ever.
  package func flush(through lsn: LSN) throws(StoreError) {}
}
