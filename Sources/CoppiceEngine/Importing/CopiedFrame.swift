package import CoppiceFormat

/// A page that was stored elsewhere, as it was stored there, and is to be stored here.
///
/// Whoever copies it has decoded it and held it against its hash.
package struct CopiedFrame {
  /// Where a page builds on another.
  package enum Base {
    case none
    /// A full page of the import's store.
    case stored(Ref)
    /// A full page that is copied with it: its index.
    case copied(Int)
  }

  package var hash: PageHash
  package var form: FrameForm
  /// Valid during the call; of a derived page without the base's locator.
  package var payload: UnsafeRawBufferPointer
  package var base: Base
  package var volume: VolumeNumber
  package var page: PageNumber

  package init(
    hash: PageHash, form: FrameForm, payload: UnsafeRawBufferPointer, base: Base,
    volume: VolumeNumber, page: PageNumber
  ) {
    self.hash = hash
    self.form = form
    self.payload = payload
    self.base = base
    self.volume = volume
    self.page = page
  }
}

/// A leaf of a volume, made of pages that the store has, and of copied ones.
package struct CopiedLeaf {
  package enum Slot {
    case hole
    case stored(Ref)
    case copied(Int)
  }

  package var volume: VolumeNumber
  package var index: UInt64
  /// 256.
  package var slots: [Slot]

  package init(volume: VolumeNumber, index: UInt64, slots: [Slot]) {
    precondition(slots.count == Node.slotCount)
    self.volume = volume
    self.index = index
    self.slots = slots
  }
}
