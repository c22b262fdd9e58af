internal import Coppice
internal import CoppiceEngine
internal import CoppiceFormat
internal import CoppicePools

/// A copy in a pool that a store is to have as a branch.
struct BranchPull {
  let listed: ListedEntry
  let received: ReceivedBranch
  /// The trust domain.
  let domain: String

  /// Throws `notFound`, and with the reason `gone` for what is deleted.
  ///
  /// - Parameters:
  ///   - entry: of the pool: `branch` or `branch@snapshot`.
  ///   - branch: what it is called here.
  init(
    _ entry: String, as branch: String, isReplacing: Bool = false, owner: String? = nil,
    _ reading: PoolReading, in place: String
  ) throws(StoreError) {
    listed = try reading.entries.named(entry, in: place)
    let number = listed.entry.domain
    guard let known = reading.head.domains.first(where: { $0.number == number }) else {
      throw StoreError(
        .corrupt, "the pool has no trust domain \(number.rawValue), in which it lies",
        object: entry)
    }
    domain = known.name
    received = ReceivedBranch(
      name: branch, domain: known.name, domainClass: known.domainClass,
      annotations: listed.entry.annotations, owner: owner, isReplacing: isReplacing)
  }

  /// Fetches what the store does not have; all of it is verified.
  func pull(
    into store: Store, _ content: PoolContent
  ) throws(StoreError) -> PullResult {
    try store.receive(received) { staging throws(StoreError) in
      try content.pull(listed.entry, into: staging) { last throws(StoreError) in
        try store.engine.branches.reserveVolumeNumbers(through: last)
      }
    }
  }
}
