package import Coppice

package struct StatisticsRequest: StoreRequest {
  package static let route = Route(
    .get, "/v1/stats", "Tell what the whole store holds, stores and uses.")

  package init() {}

  package var isReadOnly: Bool { true }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    Answer(try context.store.statistics())
  }

  package struct Answer: Codable, Sendable {
    package var branchCount: Int
    package var snapshotCount: Int
    package var deletedCount: Int
    package var logicalByteCount: UInt64
    package var uniqueByteCount: UInt64
    package var directoryByteCount: UInt64
    package var storedByteCount: UInt64
    package var segmentCount: Int
    package var garbageByteCount: UInt64
    package var journalByteCount: UInt64
    package var overlayByteCount: Int
    package var pageBufferByteCount: Int

    init(_ statistics: Statistics) {
      branchCount = statistics.branchCount
      snapshotCount = statistics.snapshotCount
      deletedCount = statistics.deletedCount
      logicalByteCount = statistics.logicalByteCount
      uniqueByteCount = statistics.uniqueByteCount
      directoryByteCount = statistics.directoryByteCount
      storedByteCount = statistics.storedByteCount
      segmentCount = statistics.segmentCount
      garbageByteCount = statistics.garbageByteCount
      journalByteCount = statistics.journalByteCount
      overlayByteCount = statistics.overlayByteCount
      pageBufferByteCount = statistics.pageBufferByteCount
    }
  }
}
