package import CoppiceFormat
internal import CoppicePlatform

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
  static func read(_ entry: SegmentEntry, _ file: SegmentHandle) throws(StoreError)
    -> SegmentDirectory
  {
    var places: [Place] = []
    var homes: [FrameName] = []
    places.reserveCapacity(Int(entry.frameCount))
    try forEachBundle(entry, file) { bundle throws(StoreError) in
      var offset = bundle.offset + UInt64(BundleHeader.byteCount)
      for frame in bundle.directory.entries {
        places.append(
          Place(
            offset: UInt32(offset), storedByteCount: frame.storedByteCount, form: frame.form,
            hashPrefix: frame.hashPrefix))
        offset += UInt64(frame.storedByteCount)
        if bundle.header.hasHomeNames { homes.append(frame.home) }
      }
    }
    return homes.isEmpty ? SegmentDirectory(places: places) : host(places, homes)
  }

  /// Reads what of a host's directories is whole: a damaged bundle keeps none of the others from
  /// being found.
  static func readIntact(host entry: SegmentEntry, _ file: SegmentHandle) throws(StoreError)
    -> SegmentDirectory
  {
    var places: [Place] = []
    var homes: [FrameName] = []
    try BundleScan(file: file, segment: entry).scan { item in
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

  struct Bundle {
    var offset: UInt64
    var header: BundleHeader
    var directory: BundleDirectory
  }

  /// Visits the bundles of the published part in order, each verified; throws `corrupt` where they
  /// do not fill it exactly.
  static func forEachBundle(
    _ entry: SegmentEntry, _ file: SegmentHandle,
    _ visit: (Bundle) throws(StoreError) -> Void
  ) throws(StoreError) {
    let path = SegmentStore.path(entry.id)
    var offset = UInt64(SegmentHeader.byteCount)
    var ordinal: UInt32 = 0
    while offset < entry.byteCount {
      let object = "\(path) bundle at offset \(offset)"
      let headerBytes = try bytes(file, at: offset, count: BundleHeader.byteCount, object)
      let header: BundleHeader
      let directory: BundleDirectory
      do throws(FormatError) {
        header = try BundleHeader.decode(headerBytes.span.bytes)
      } catch {
        throw StoreError(error, in: object)
      }
      let directoryOffset =
        offset + UInt64(BundleHeader.byteCount) + UInt64(header.framesByteCount)
      let end = directoryOffset + UInt64(header.directoryByteCount)
      guard header.segment == entry.id, header.firstOrdinal == ordinal, end <= entry.byteCount
      else {
        throw StoreError(
          .corrupt, "the bundle belongs to another place", object: object,
          remedy: .damagedStructure)
      }
      let stored = try bytes(
        file, at: directoryOffset, count: Int(header.directoryByteCount), object)
      do throws(FormatError) {
        try header.verify(directory: stored.span.bytes)
        directory = try BundleDirectory.decode(
          stored.span.bytes, rawByteCount: Int(header.directoryRawByteCount),
          frameCount: Int(header.frameCount), hasHomeNames: header.hasHomeNames)
      } catch {
        throw StoreError(error, in: object)
      }
      try visit(Bundle(offset: offset, header: header, directory: directory))
      ordinal += header.frameCount
      offset = end
    }
    guard offset == entry.byteCount, ordinal == entry.frameCount else {
      throw StoreError(
        .corrupt,
        "its bundles end at \(offset) with \(ordinal) frames, published are \(entry.byteCount) "
          + "bytes with \(entry.frameCount)", object: path,
        remedy: .damagedStructure)
    }
  }

  private static func bytes(
    _ file: SegmentHandle, at offset: UInt64, count: Int, _ object: String
  ) throws(StoreError) -> [UInt8] {
    let bytes: [UInt8]?
    do throws(SegmentError) { bytes = try file.whole(count, at: offset) } catch {
      throw StoreError(error, while: "reading a bundle directory")
    }
    guard let bytes else {
      throw StoreError(
        .corrupt, "the segment ends inside a bundle", object: object,
        remedy: .damagedStructure)
    }
    return bytes
  }
}
