package import CoppiceErrors
internal import CoppiceFormat

/// What an object store has of a pool's segments, by one list.
package struct PoolObjects: Hashable, Sendable {
  package var segmentCount = 0
  package var byteCount: UInt64 = 0
  /// Objects that a push sent and did not publish, and what collections have not removed yet.
  package var otherCount = 0
  package var otherByteCount: UInt64 = 0
}

extension PoolAccess {
  /// What is there, whatever should be.
  package mutating func objects() throws(StoreError) -> PoolObjects {
    let published = Set(try published(of: try head()).flatMap(\.run.ids))
    let listed: [ListedObject]
    do throws(ObjectStoreError) { listed = try store.listAll("segments/") } catch {
      throw failure(error, "listing the pool")
    }
    var objects = PoolObjects()
    for object in listed {
      if case .segment(let id)? = PoolObjectName(key: object.key.text),
        published.contains(id.rawValue)
      {
        objects.segmentCount += 1
        objects.byteCount += UInt64(object.byteCount)
      } else {
        objects.otherCount += 1
        objects.otherByteCount += UInt64(object.byteCount)
      }
    }
    return objects
  }
}
