package import CoppiceErrors
package import CoppiceFormat
internal import CoppicePlatform

/// A key that opens a pool, as its head lists it.
package struct ListedWrapper: Hashable, Sendable {
  package let id: PoolWrapperID
  package let label: String
}

extension PoolAccess {
  /// The keys that open the pool, and the number that the next one gets.
  package mutating func wrappers() throws(StoreError) -> (
    all: [ListedWrapper], next: PoolWrapperID
  ) {
    let table = try headObject().table
    return (table.wrappers.map { ListedWrapper(id: $0.id, label: $0.label) }, table.nextWrapper)
  }

  /// The one that this access was opened with.
  package var wrapper: PoolWrapperID { site.outer.wrapper }
}

/// Changes of the head.
extension PoolWriter {
  /// As of the pool's access.
  package func wrappers() throws(StoreError) -> (all: [ListedWrapper], next: PoolWrapperID) {
    try access.withLock { access throws(StoreError) in try access.wrappers() }
  }

  /// Has another key open the pool, which is kept in a safe place before. Its number is the next
  /// one.
  ///
  /// Throws `conflict` when that is another's by now.
  package func addWrapper(_ outer: OuterKey, label: String) throws(StoreError) {
    guard label.utf8.count <= PoolWrapper.labelByteCountMax else {
      throw StoreError(.invalid, "the name of a key is too long", object: label)
    }
    try access.withLock { access throws(StoreError) in
      let random = access.random
      try access.changeHead { head throws(StoreError) in
        var source = random
        try head.table.addWrapper(outer, label: label, of: head.keys, using: &source)
      }
    }
  }

  /// Has a key open the pool no more; who has read the head with it can go on reading what there
  /// is now.
  ///
  /// Throws `notFound`, and `invalid` for the last one and for the one that this writer came with.
  package func removeWrapper(_ id: PoolWrapperID) throws(StoreError) {
    try access.withLock { access throws(StoreError) in
      guard id != access.wrapper else {
        throw StoreError(
          .invalid, "is the key that this store itself uses", object: "the key \(id.rawValue)",
          remedy: "have the store use another key first")
      }
      try access.changeHead { head throws(StoreError) in try head.table.removeWrapper(id) }
    }
  }
}
