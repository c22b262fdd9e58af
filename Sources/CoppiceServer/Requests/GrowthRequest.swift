package import Coppice

package struct GrowthRequest: StoreRequest {
  package static let route = Route(
    .get, "/v1/usage/history", "Tell what branches have stored over time.")

  package var names: [String]

  package init(names: [String]) { self.names = names }

  package var isReadOnly: Bool { true }

  package var access: Access { Access(.see, entries: names) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    var entries: [Entry] = []
    for name in names {
      entries.append(Entry(name: name, samples: try context.store.growth(of: name)))
    }
    return Answer(entries: entries)
  }

  package struct Answer: Codable, Sendable {
    package var entries: [Entry]
  }

  package struct Entry: Codable, Sendable {
    package var name: String
    package var samples: [GrowthSample]
  }
}
