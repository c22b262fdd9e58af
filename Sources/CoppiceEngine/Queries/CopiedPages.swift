package import CoppiceFormat
internal import CoppicePlatform

/// Pages as they are stored, one behind the other.
package final class CopiedPages: @unchecked Sendable {
  package struct Page {
    package let ref: Ref
    /// In the buffer; of a derived page without the base's locator.
    package let payload: Range<Int>
    /// The full page that it builds on.
    package let base: Ref?
    /// That one's bytes, where they were wanted.
    package let basePayload: Range<Int>?
  }

  let buffer = AlignedBuffer(byteCountMin: 1 << 16)
  package internal(set) var pages: [Page] = []

  package func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: buffer.contents[range])
  }
}
