package import CoppiceFormat

/// A writable set of volumes: a branch, or an import in preparation.
///
/// All methods may be called from any thread. Reads see whole transactions only page by page: a
/// reader that needs several pages of one transaction together excludes its writers itself.
package protocol VolumeSpace: AnyObject, Sendable {
  var pageByteCount: Int { get }

  /// Reads from `offset` up to the volume's byte count; returns how many bytes. Holes read as zero.
  func read(
    _ volume: VolumeNumber, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(StoreError) -> Int

  /// `nil` when the volume was never written, or was dropped.
  func attributes(of volume: VolumeNumber) throws(StoreError) -> VolumeAttributes?

  /// Applies all operations in order, or none; returns the LSN to flush for durability.
  func commit(_ transaction: borrowing Transaction) throws(StoreError) -> LSN

  /// Returns once everything up to `lsn` survives a power cut.
  func flush(through lsn: LSN) throws(StoreError)
}
