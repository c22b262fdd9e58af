package import Coppice

package struct UsageRequest: StoreRequest {
  package static let route = Route(
    .get, "/v1/usage", "Tell what branches and snapshots hold and cost.")

  /// All when it is empty.
  package var names: [String]

  package init(names: [String]) { self.names = names }

  package var isReadOnly: Bool { true }

  package var access: Access { Access(.see, entries: names) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    Answer(
      entries: try context.store.usage(names.isEmpty ? nil : names),
      total: names.isEmpty ? try context.store.spaceUsage() : nil)
  }

  package struct Answer: Codable, Sendable {
    package var entries: [Usage]
    /// Of the whole store, without names.
    package var total: SpaceUsage?
  }
}

package struct FreedRequest: StoreRequest {
  package static let route = Route(
    .get, "/v1/usage/freed", "Tell what deleting entries together would free.")

  package var names: [String]

  package init(names: [String]) { self.names = names }

  package var isReadOnly: Bool { true }

  package var access: Access { Access(.see, entries: names) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    Answer(try context.store.spaceFreed(deleting: names), Answer.Addition(deleting: names))
  }

  package struct Answer: ReportAnswer {
    package struct Addition: Codable, Sendable {
      package var deleting: [String]
    }

    package var report: SpaceFreed
    package var addition: Addition

    package init(_ report: SpaceFreed, _ addition: Addition) {
      self.report = report
      self.addition = addition
    }
  }
}
