package import Coppice

package struct GrowthRequest: StoreRequest {
  package static let route = Route(
    .get, "/v1/usage/history", "Tell what branches have stored over time.")

  package var names: [String]

  package init(names: [String]) { self.names = names }

  package var isReadOnly: Bool { true }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    var entries: [Entry] = []
    for name in names {
      entries.append(
        Entry(name: name, samples: try context.store.growth(of: name).map(Sample.init)))
    }
    return Answer(entries: entries)
  }

  package struct Answer: Codable, Sendable {
    package var entries: [Entry]
  }

  package struct Entry: Codable, Sendable {
    package var name: String
    package var samples: [Sample]
  }

  package struct Sample: Codable, Sendable {
    package var time: String
    package var storedByteCount: UInt64
    package var newPageCount: UInt64
    package var deltaPageCount: UInt64
    package var duplicatePageCount: UInt64

    init(_ sample: GrowthSample) {
      time = RFC3339.text(sample.time)
      storedByteCount = sample.storedByteCount
      newPageCount = sample.newPageCount
      deltaPageCount = sample.deltaPageCount
      duplicatePageCount = sample.duplicatePageCount
    }
  }
}
