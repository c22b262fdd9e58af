package import CoppiceErrors
package import CoppiceFormat

/// What an object store has of a pool, by one list of its segments.
package struct PoolObjects: Hashable, Sendable {
  /// Segments of the pool.
  package var segmentCount = 0
  package var byteCount: UInt64 = 0
  /// Objects that a push sent and did not publish, and what collections have not removed yet.
  package var otherCount = 0
  package var otherByteCount: UInt64 = 0
  /// Segments of the pool that the store says it does not have.
  package var missing: [SegmentID] = []
}

extension PoolAccess {
  /// Compares what members have published with what is there.
  ///
  /// A list may lack what is new, so what it lacks is asked for once more.
  package mutating func objects() throws(StoreError) -> PoolObjects {
    var published: Set<UInt64> = []
    for listing in try head().members {
      guard let member = try read(.member(listing.id), as: PoolMember.self) else { continue }
      for run in member.published { published.formUnion(run.run.ids) }
    }
    var objects = PoolObjects()
    do throws(ObjectStoreError) {
      for object in try store.listAll("segments/") {
        guard case .segment(let id)? = PoolObjectName(key: object.key.text),
          published.remove(id.rawValue) != nil
        else {
          objects.otherCount += 1
          objects.otherByteCount += UInt64(object.byteCount)
          continue
        }
        objects.segmentCount += 1
        objects.byteCount += UInt64(object.byteCount)
      }
      for id in published.sorted() {
        let segment = SegmentID(id)
        guard let byteCount = try byteCount(of: segment) else {
          objects.missing.append(segment)
          continue
        }
        objects.segmentCount += 1
        objects.byteCount += UInt64(byteCount)
      }
    } catch {
      throw failure(error, "looking at the pool's objects")
    }
    return objects
  }

  /// `nil` where the store says that there is no such object.
  private func byteCount(of segment: SegmentID) throws(ObjectStoreError) -> Int? {
    do throws(ObjectStoreError) {
      return try store.head(ObjectKey(known: PoolObjectName.segment(segment).key)).byteCount
    } catch {
      guard error.kind == .missing else { throw error }
      return nil
    }
  }
}
