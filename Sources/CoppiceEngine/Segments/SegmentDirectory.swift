package import CoppiceFormat

/// Where every frame of a segment lies, from the directories of its bundles. Immutable.
package final class SegmentDirectory: CacheableDirectory {
  package struct Place: Sendable {
    package var offset: UInt32
    package var storedByteCount: Int
    package var form: FrameForm
    /// The low half of the content's hash.
    package var hashPrefix: UInt64
  }

  package let places: [Place]
  /// Of a host: the frames' names, ascending, in the order of `places`. Else empty: a frame's
  /// ordinal is its index.
  package let homes: [FrameName]

  init(places: [Place], homes: [FrameName] = []) {
    self.places = places
    self.homes = homes
  }

  var byteCount: Int { places.count * MemoryLayout<Place>.stride + homes.count * 8 }

  /// Where a frame that bears another segment's id lies in this host.
  func place(ofHome name: FrameName) -> Place? {
    var low = 0
    var high = homes.count
    while low < high {
      let middle = (low + high) / 2
      if homes[middle] < name { low = middle + 1 } else { high = middle }
    }
    return low < homes.count && homes[low] == name ? places[low] : nil
  }

  /// Reads all directories of the segment's published part.
  static func read(_ entry: SegmentEntry, _ segment: SegmentHandle) throws(StoreError)
    -> SegmentDirectory
  {
    var places: [Place] = []
    var homes: [FrameName] = []
    places.reserveCapacity(Int(entry.frameCount))
    try BundleReader(segment, entry).forEach { bundle in
      for (frame, offset) in zip(bundle.directory.entries, bundle.frameOffsets) {
        places.append(
          Place(
            offset: offset, storedByteCount: frame.storedByteCount, form: frame.form,
            hashPrefix: frame.hashPrefix))
        if bundle.header.hasHomeNames { homes.append(frame.home) }
      }
    }
    return homes.isEmpty ? SegmentDirectory(places: places) : host(places, homes)
  }

  /// Reads what of a host's directories is whole: a damaged bundle keeps none of the others from
  /// being found.
  static func readIntact(host entry: SegmentEntry, _ segment: SegmentHandle) throws(StoreError)
    -> SegmentDirectory
  {
    var places: [Place] = []
    var homes: [FrameName] = []
    try BundleReader(segment, entry).scan { item in
      guard case .bundle(let bundle) = item else { return }
      for frame in bundle.frames where frame.entry.home != .none {
        places.append(
          Place(
            offset: frame.locator.offset, storedByteCount: frame.entry.storedByteCount,
            form: frame.entry.form, hashPrefix: frame.entry.hashPrefix))
        homes.append(frame.entry.home)
      }
    }
    return host(places, homes)
  }

  private static func host(_ places: [Place], _ homes: [FrameName]) -> SegmentDirectory {
    let order = homes.indices.sorted { homes[$0] < homes[$1] }
    return SegmentDirectory(places: order.map { places[$0] }, homes: order.map { homes[$0] })
  }
}
