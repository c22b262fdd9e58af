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
    let infos = try context.store.entries().reduce(into: [:]) { $0[$1.name] = $1 }
    let usage = try context.store.usage(names.isEmpty ? nil : names)
    return Answer(
      entries: usage.map { Entry($0, Entry.Addition(infos[$0.name])) },
      total: names.isEmpty ? try context.store.spaceUsage() : nil)
  }

  /// What an entry takes, and the terms on which it may.
  package struct Entry: ReportAnswer {
    package struct Addition: Codable, Sendable {
      /// `nil` when the entry went meanwhile.
      package var `class`: String?
      package var owner: String?
      /// When it ends unless somebody renews it.
      package var endsAt: Timestamp?
      package var maxStoredByteCount: UInt64?
      package var addedByteCount: UInt64?
      package var measuredAt: Timestamp?

      init(_ info: EntryInfo?) {
        `class` = info?.domain.dataClass.rawValue
        owner = info?.owner
        endsAt = info?.nextEnd
        maxStoredByteCount = info?.maxStoredByteCount
        addedByteCount = info?.addedByteCount
        measuredAt = info?.measuredAt
      }
    }

    package var report: Usage
    package var addition: Addition

    package init(_ report: Usage, _ addition: Addition) {
      self.report = report
      self.addition = addition
    }
  }

  package struct Answer: Codable, Sendable {
    package var entries: [Entry]
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
