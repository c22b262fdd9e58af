internal import CoppiceEngine
internal import CoppiceFormat

extension TreeCore {
  /// What a file is opened in; a change of content that comes with it is made in no later state.
  var generation: UInt64 { space.generation }

  func write(
    _ file: FileID, at offset: UInt64, _ bytes: UnsafeRawBufferPointer, in generation: UInt64
  ) throws(StoreError) {
    let end = try end(offset, UInt64(bytes.count))
    guard !bytes.isEmpty else { return }
    try admitGrowth(of: file, to: end)
    durability.note(
      try space.write(file.volume, at: offset, bytes, time: now().nanoseconds, in: generation))
    changed(.content(of: file))
  }

  func commitContent(
    of file: FileID, in generation: UInt64, _ body: (inout Transaction) -> Void
  ) throws(StoreError) {
    var operations = Transaction(time: now().nanoseconds)
    body(&operations)
    durability.note(try space.commit(operations, in: generation))
    changed(.content(of: file))
  }

  func flush(_ file: FileID) throws(StoreError) {
    try space.flush(through: max(space.lastLSN(of: file.volume), durability.last(of: file)))
  }

  func flush() throws(StoreError) {
    try space.flush(through: durability.newest)
  }

  func extents(of file: FileID, in range: Range<UInt64>) throws(StoreError) -> [Extent] {
    let byteCount = try space.attributes(of: file.volume)?.byteCount ?? 0
    let range = range.clamped(to: 0..<byteCount)
    guard !range.isEmpty else { return [] }
    var extents: [Extent] = []
    var place = range.lowerBound
    for part in try space.storedRanges(of: file.volume, in: range) {
      let part = part.clamped(to: range)
      if part.isEmpty { continue }
      if place < part.lowerBound {
        extents.append(Extent(range: place..<part.lowerBound, isHole: true))
      }
      extents.append(Extent(range: part, isHole: false))
      place = part.upperBound
    }
    if place < range.upperBound {
      extents.append(Extent(range: place..<range.upperBound, isHole: true))
    }
    return extents
  }
}
