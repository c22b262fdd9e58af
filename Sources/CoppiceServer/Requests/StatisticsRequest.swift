package import Coppice

package struct StatisticsRequest: StoreRequest {
  package typealias Answer = Statistics

  package static let route = Route(
    .get, "/v1/stats", "Tell what the whole store holds, stores and uses.")

  package init() {}

  package var isReadOnly: Bool { true }

  package var access: Access { Access(.status, .store) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    try context.store.statistics()
  }
}
