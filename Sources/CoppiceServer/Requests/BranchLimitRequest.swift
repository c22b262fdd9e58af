package import Coppice

package struct BranchLimitRequest: StoreRequest {
  package static let route = Route(
    .put, "/v1/branches/{name}/limit", "Limit what a branch and its snapshots may add.")

  package var name: String
  /// No limit without.
  package var byteCount: UInt64?

  package init(name: String, byteCount: UInt64?) {
    self.name = name
    self.byteCount = byteCount
  }

  package var isReadOnly: Bool { false }

  package var access: Access { Access(.create, .entry(name)) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    try context.store.setLimit(name, to: byteCount)
    return Answer(try context.store.entry(name))
  }

  package struct Answer: Codable, Sendable {
    package var name: String
    package var maxStoredByteCount: UInt64?
    package var addedByteCount: UInt64?
    package var measuredAt: Timestamp?

    /// As it is, of what is known of a branch.
    package init(_ entry: EntryInfo) {
      name = entry.name
      maxStoredByteCount = entry.maxStoredByteCount
      addedByteCount = entry.addedByteCount
      measuredAt = entry.measuredAt
    }
  }
}
