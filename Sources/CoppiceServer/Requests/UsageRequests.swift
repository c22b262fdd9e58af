package import Coppice

package struct UsageRequest: StoreRequest {
  package static let route = Route(
    .get, "/v1/usage", "Tell what branches and snapshots hold and cost.")

  /// All when it is empty.
  package var names: [String]

  package init(names: [String]) { self.names = names }

  package var isReadOnly: Bool { true }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let entries = try context.store.usage(names.isEmpty ? nil : names).map(Entry.init)
    let total = names.isEmpty ? SpaceAnswer(try context.store.spaceUsage()) : nil
    return Answer(entries: entries, total: total)
  }

  package struct Answer: Codable, Sendable {
    package var entries: [Entry]
    /// Of the whole store, without names.
    package var total: SpaceAnswer?
  }

  package struct Entry: Codable, Sendable {
    package var name: String
    package var logicalByteCount: UInt64
    package var sharedByteCount: UInt64
    package var exclusiveByteCount: UInt64
    package var fileCount: Int

    init(_ usage: Usage) {
      name = usage.name
      logicalByteCount = usage.logicalByteCount
      sharedByteCount = usage.sharedByteCount
      exclusiveByteCount = usage.exclusiveByteCount
      fileCount = usage.fileCount
    }
  }
}

package struct FreedRequest: StoreRequest {
  package static let route = Route(
    .get, "/v1/usage/freed", "Tell what deleting entries together would free.")

  package var names: [String]

  package init(names: [String]) { self.names = names }

  package var isReadOnly: Bool { true }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    Answer(deleting: names, try context.store.spaceFreed(deleting: names))
  }

  package struct Answer: Codable, Sendable {
    package var deleting: [String]
    package var freedByteCount: UInt64
    /// What they refer to besides, which others keep.
    package var sharedByteCount: UInt64
    package var sharers: [SharerAnswer]

    init(deleting: [String], _ freed: SpaceFreed) {
      self.deleting = deleting
      freedByteCount = freed.freedByteCount
      sharedByteCount = freed.sharedByteCount
      sharers = freed.sharers.map(SharerAnswer.init)
    }
  }
}
