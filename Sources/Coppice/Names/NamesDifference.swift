internal import CoppiceEngine
internal import CoppiceFormat

/// Turns a changed page into the fewest bytes of journal that say so.
package enum NamesDifference {
  /// Unchanged bytes between two changes that are cheaper to write again than to skip: an
  /// operation's header and padding take about as many.
  package static let gapByteCountMax = 32

  /// Adds the operations that make the page `image` where the volume holds `original`
  /// (`nil`, or one that is not stored: zeros).
  static func append(
    _ page: UInt32, from original: NamesImage?, to image: NamesImage,
    into operations: inout Transaction
  ) {
    let place = UInt64(page) * UInt64(image.contents.count)
    let zeros: NamesImage
    if let original, original.isStored {
      if original.bytes[4] != NamesPage.Kind.free.rawValue, isFree(image) {
        // A page that becomes free is zeros but for its header.
        operations.hole(.names, at: place, byteCount: UInt64(image.contents.count))
        operations.write(
          .names, at: place,
          UnsafeRawBufferPointer(rebasing: image.bytes[..<NamesPage.headerByteCount]))
        return
      }
      zeros = original
    } else {
      zeros = NamesImage(pageByteCount: image.contents.count)
    }
    withExtendedLifetime((zeros, image)) {
      forEachChange(from: zeros.bytes, to: image.bytes) { range in
        operations.write(
          .names, at: place + UInt64(range.lowerBound),
          UnsafeRawBufferPointer(rebasing: image.bytes[range]))
      }
    }
  }

  private static func isFree(_ image: NamesImage) -> Bool {
    image.bytes[4] == NamesPage.Kind.free.rawValue
      && image.bytes.loadUnaligned(as: UInt32.self) == NamesPage.magic.littleEndian
  }

  /// Calls `body` with the ranges that differ, joined where fewer than `gapByteCountMax` equal
  /// bytes lie between them. Both pages are of one byte count, a multiple of 8.
  package static func forEachChange(
    from old: UnsafeRawBufferPointer, to new: UnsafeRawBufferPointer, _ body: (Range<Int>) -> Void
  ) {
    precondition(old.count == new.count && old.count.isMultiple(of: 8))
    var pending: Range<Int>?
    for word in stride(from: 0, to: old.count, by: 8) {
      let difference =
        UInt64(littleEndian: old.loadUnaligned(fromByteOffset: word, as: UInt64.self))
        ^ UInt64(littleEndian: new.loadUnaligned(fromByteOffset: word, as: UInt64.self))
      if difference == 0 { continue }
      let start = word + difference.trailingZeroBitCount / 8
      let end = word + 8 - difference.leadingZeroBitCount / 8
      if let range = pending, start - range.upperBound < gapByteCountMax {
        pending = range.lowerBound..<end
      } else {
        if let pending { body(pending) }
        pending = start..<end
      }
    }
    if let pending { body(pending) }
  }
}
