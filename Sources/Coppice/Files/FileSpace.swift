package import CoppiceEngine
package import CoppiceFormat

/// What files are made of: volumes, and what the file system asks of them besides.
package protocol FileSpace: VolumeSpace {
  /// How often all volumes were replaced at once.
  var generation: UInt64 { get }
  /// The ranges of a volume that are not holes, ascending, by whole pages, within `range`.
  func storedRanges(
    of volume: VolumeNumber, in range: Range<UInt64>
  ) throws(StoreError) -> [Range<UInt64>]
  /// About how much of the volume is stored: never less than is, and at most its byte count.
  func storedByteCount(of volume: VolumeNumber) throws(StoreError) -> UInt64
  /// What must be synced for the volume's content to be durable.
  func lastLSN(of volume: VolumeNumber) -> LSN
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

extension EngineBranch: FileSpace {}

/// Nobody writes to it, and nothing in it changes.
extension PinnedView: FileSpace {
  package var generation: UInt64 { 0 }

  package func storedByteCount(of volume: VolumeNumber) throws(StoreError) -> UInt64 {
    try attributes(of: volume)?.byteCount ?? 0
  }

  package func lastLSN(of volume: VolumeNumber) -> LSN { .zero }

  package func write(
    _ volume: VolumeNumber, at offset: UInt64, _ bytes: UnsafeRawBufferPointer, time: Int64,
    in generation: UInt64?
  ) throws(StoreError) -> LSN { try commit(Transaction(time: time)) }

  package func commit(
    _ transaction: borrowing Transaction, in generation: UInt64?
  ) throws(StoreError) -> LSN { try commit(transaction) }
}

/// Volumes of no branch: nothing replaces them, and there is nothing to sync.
package protocol UnpublishedSpace: FileSpace {}

extension StagingImport: UnpublishedSpace {}
extension EstimatedNames: UnpublishedSpace {}

extension UnpublishedSpace {
  package var generation: UInt64 { 0 }

  package func storedRanges(
    of volume: VolumeNumber, in range: Range<UInt64>
  ) throws(StoreError) -> [Range<UInt64>] { [range] }

  package func storedByteCount(of volume: VolumeNumber) throws(StoreError) -> UInt64 {
    try attributes(of: volume)?.byteCount ?? 0
  }

  package func lastLSN(of volume: VolumeNumber) -> LSN { .zero }

  package func write(
    _ volume: VolumeNumber, at offset: UInt64, _ bytes: UnsafeRawBufferPointer, time: Int64,
    in generation: UInt64?
  ) throws(StoreError) -> LSN {
    var operations = Transaction(time: time)
    operations.write(volume, at: offset, bytes)
    return try commit(operations)
  }

  package func commit(
    _ transaction: borrowing Transaction, in generation: UInt64?
  ) throws(StoreError) -> LSN { try commit(transaction) }
}
