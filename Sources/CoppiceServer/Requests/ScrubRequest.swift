package import Coppice

package struct ScrubRequest: StoreRequest {
  package typealias Answer = ScrubReport

  package static let route = Route(.post, "/v1/scrub", "Read and verify all stored data.")
  package static let isCancellable = true

  /// Bytes to read in a second at most.
  package var byteCountPerSecond: UInt64?
  /// Stop after about this many bytes.
  package var byteCountMax: UInt64?
  /// Where to begin. Without, the pass that is under way goes on, and the store keeps its place.
  package var from: String?
  /// Begin a new pass although one is under way.
  package var restart: Bool

  package init(byteCountPerSecond: UInt64?, byteCountMax: UInt64?, from: String?, restart: Bool) {
    self.byteCountPerSecond = byteCountPerSecond
    self.byteCountMax = byteCountMax
    self.from = from
    self.restart = restart
  }

  package var isReadOnly: Bool { from != nil }

  package var access: Access { Access(.run, .store) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let work = context.work
    let options = ScrubOptions(
      byteCountPerSecond: byteCountPerSecond, byteCountMax: byteCountMax, start: from,
      isRestarting: restart)
    return try context.store.scrub(
      options, isCancelled: { work.isCancelled },
      progress: work.tell.map { tell in { tell(.scrub($0)) } })
  }
}
