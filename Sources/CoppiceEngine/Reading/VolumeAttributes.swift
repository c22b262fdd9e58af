/// What a volume is besides its pages.
package struct VolumeAttributes: Hashable, Sendable {
  package var byteCount: UInt64
  /// Nanoseconds since 1970 of the last transaction that changed the volume.
  package var modified: Int64

  package init(byteCount: UInt64, modified: Int64) {
    self.byteCount = byteCount
    self.modified = modified
  }
}
