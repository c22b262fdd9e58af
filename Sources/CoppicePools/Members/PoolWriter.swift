package import CoppiceErrors
package import CoppiceFormat
internal import CoppicePlatform

/// The one writing member of a pool, in this process.
///
/// All calls wait for the object store, may be made from any thread and go one after the other.
/// What returns without an error is in the pool for good. Every call can throw
///
/// - `conflict` with the reason `evicted` or `copied`: this store publishes nothing more;
/// - `unavailable` with the reason `unreachable`; `oldObject` when the object store shows something
///   older than it was, or lost a change; `unknownOutcome` when nobody can tell whether the call
///   did what it was to do: the same call again finds out;
/// - `denied` for credentials that do not suffice, and where only a newer version may write;
/// - `full`, `denied`, `unavailable` when it could not note what it must not forget.
package final class PoolWriter: Sendable {
  let access: Monitored<PoolAccess>
  /// Held over a push: what others announced is what ended before.
  let pushing = Monitored(())

  private init(_ access: PoolAccess) { self.access = Monitored(access) }

  /// Begins to write: joins a pool in which no other store takes part, or goes on as the member
  /// that this store is. What an earlier process began and did not finish cannot land any more.
  ///
  /// - Parameter label: what people call this store.
  ///
  /// Throws `conflict` when another store writes to the pool, and names it; `denied` for a copy of
  /// a pool.
  package static func open(
    _ access: consuming PoolAccess, label: String
  ) throws(StoreError) -> PoolWriter {
    try access.enter(label: label, isTaking: false)
    return PoolWriter(access)
  }

  /// As `open`, in place of the store that writes to the pool, if there is one: its next change is
  /// refused.
  package static func take(
    _ access: consuming PoolAccess, label: String
  ) throws(StoreError) -> PoolWriter {
    do throws(StoreError) {
      try access.enter(label: label, isTaking: true)
    } catch {
      guard error.reason == .evicted || error.reason == .copied else { throw error }
      try access.restart()
      try access.enter(label: label, isTaking: true)
    }
    return PoolWriter(access)
  }

  /// Begins to write as a new member, in place of the one that this store and a copy of it were:
  /// the other one's next change is refused.
  package static func rejoin(
    _ access: consuming PoolAccess, label: String
  ) throws(StoreError) -> PoolWriter {
    try access.restart()
    try access.enter(label: label, isTaking: false)
    return PoolWriter(access)
  }

  /// The pool's domain of that name, and the key of its own that comes with it; made at first use.
  /// Throws `invalid` when there is one of another class.
  package func domain(
    named name: String, _ domainClass: DomainClass
  ) throws(StoreError) -> DomainID {
    guard name.utf8.count <= PoolDomain.nameByteCountMax else {
      throw StoreError(.invalid, "the name of a domain is too long", object: name)
    }
    return try access.withLock { access throws(StoreError) in
      let (now, random) = (access.now, access.random)
      return try access.changeHead { head throws(StoreError) in
        if let domain = head.head.domains.first(where: { $0.name.hasBytes(of: name) }) {
          guard domain.domainClass == domainClass else {
            throw StoreError(
              .invalid, "is of the class \(domain.domainClass) in the pool, not \(domainClass)",
              object: name)
          }
          return domain.number
        }
        let number = head.head.domains.last.map { DomainID($0.number.rawValue + 1) } ?? .standard
        head.head.domains.append(PoolDomain(number, domainClass, name: name))
        var source = random
        head.table.beginKey(of: number, at: now, in: &head.keys, using: &source)
        return number
      }
    }
  }

  /// The pool's head.
  package func head() throws(StoreError) -> PoolHead {
    try access.withLock { access throws(StoreError) in try access.head() }
  }

  /// The keys that segments are sealed under, as of the last time that the head was read.
  package var keys: PoolKeys { access.withLock { $0.opener.ring } }
}
