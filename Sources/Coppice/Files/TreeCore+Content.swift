package import CoppiceEngine
package import CoppiceFormat

/// A space that knows where its volumes have holes.
package protocol ExtentSpace: VolumeSpace {
  /// The ranges of a volume that are not holes, ascending, by whole pages, within `range`.
  func storedRanges(
    of volume: VolumeNumber, in range: Range<UInt64>
  ) throws(StoreError) -> [Range<UInt64>]
}

/// What the file system needs of an engine's branch besides reading and committing.
package protocol FileSpace: ExtentSpace {
  /// What must be synced for the volume's content to be durable.
  func lastLSN(of volume: VolumeNumber) -> LSN
  /// About how much of the volume is stored.
  func storedByteCount(of volume: VolumeNumber) throws(StoreError) -> UInt64
  /// How often all volumes were replaced at once.
  var generation: UInt64 { get }
  /// Writes bytes in one transaction, without copying them first. Throws `unavailable` with reason
  /// `stale` when the generation is another; so does `commit`.
  func write(
    _ volume: VolumeNumber, at offset: UInt64, _ bytes: UnsafeRawBufferPointer, time: Int64,
    in generation: UInt64?
  ) throws(StoreError) -> LSN
  func commit(
    _ transaction: borrowing Transaction, in generation: UInt64?
  ) throws(StoreError) -> LSN
}

extension TreeCore {
  /// What a file is opened in; a change of content that comes with it is made in no later state.
  var generation: UInt64 { fileSpace?.generation ?? 0 }

  func write(
    _ file: FileID, at offset: UInt64, _ bytes: UnsafeRawBufferPointer, in generation: UInt64
  ) throws(StoreError) {
    _ = try end(offset, UInt64(bytes.count))
    guard !bytes.isEmpty else { return }
    guard let fileSpace else {
      return try commitContent(of: file, in: generation) { operations in
        operations.write(file.volume, at: offset, bytes)
      }
    }
    durability.note(
      try fileSpace.write(
        file.volume, at: offset, bytes, time: now().nanoseconds, in: generation))
    changed(.content(of: file))
  }

  func commitContent(
    of file: FileID, in generation: UInt64, _ body: (inout Transaction) -> Void
  ) throws(StoreError) {
    var operations = Transaction(time: now().nanoseconds)
    body(&operations)
    let lsn =
      if let fileSpace {
        try fileSpace.commit(operations, in: generation)
      } else {
        try space.commit(operations)
      }
    durability.note(lsn)
    changed(.content(of: file))
  }

  func flush(_ file: FileID) throws(StoreError) {
    let content = fileSpace?.lastLSN(of: file.volume) ?? durability.newest
    try space.flush(through: max(content, durability.last(of: file)))
  }

  func flush() throws(StoreError) {
    try space.flush(through: durability.newest)
  }

  func extents(of file: FileID, in range: Range<UInt64>) throws(StoreError) -> [Extent] {
    let byteCount = try space.attributes(of: file.volume)?.byteCount ?? 0
    let range = range.clamped(to: 0..<byteCount)
    guard !range.isEmpty else { return [] }
    let stored =
      try (space as? any ExtentSpace)?.storedRanges(of: file.volume, in: range) ?? [range]
    var extents: [Extent] = []
    var place = range.lowerBound
    for part in stored {
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
