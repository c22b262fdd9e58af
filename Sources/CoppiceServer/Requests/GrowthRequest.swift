package import Coppice

package struct GrowthRequest: StoreRequest {
  package static let route = Route(
    .get, "/v1/usage/history", "Tell what the store and branches have stored over time.")

  /// The store alone when it is empty.
  package var names: [String]

  package init(names: [String]) { self.names = names }

  package var isReadOnly: Bool { true }

  package var access: Access { Access(.see, entries: names) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let store = context.store
    var entries: [Entry] = []
    for name in names {
      entries.append(
        Entry(
          name: name, samples: try store.growth(of: name),
          forecast: try store.growthForecast(of: name)))
    }
    // Who may see his branches is not told what the store holds of others.
    return names.isEmpty
      ? Answer(entries: [], store: store.spaceHistory(), forecast: store.spaceForecast())
      : Answer(entries: entries, store: [], forecast: nil)
  }

  package struct Answer: Codable, Sendable {
    package var entries: [Entry]
    /// Without names.
    package var store: [SpaceSample]
    package var forecast: GrowthForecast?
  }

  package struct Entry: Codable, Sendable {
    package var name: String
    package var samples: [GrowthSample]
    package var forecast: GrowthForecast?
  }
}
