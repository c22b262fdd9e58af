package import CoppiceFormat

/// A frame ready to be stored, of which only the name is missing.
package struct PendingFrame {
  /// Valid until the append returns.
  package var stored: UnsafeRawBufferPointer
  package var form: FrameForm
  package var hashPrefix: UInt64
  package var volume: VolumeNumber
  package var page: PageNumber
  /// The full frame that a derived one builds on.
  package var base: FrameName

  package init(
    stored: UnsafeRawBufferPointer, form: FrameForm, hashPrefix: UInt64, volume: VolumeNumber,
    page: PageNumber, base: FrameName
  ) {
    self.stored = stored
    self.form = form
    self.hashPrefix = hashPrefix
    self.volume = volume
    self.page = page
    self.base = base
  }
}
