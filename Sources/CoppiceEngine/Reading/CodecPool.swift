internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// Codecs and scratch memory of one thread at a time.
final class CodecSet {
  let pages: PageCodec
  let comparer: PageComparer
  let nodes = NodeCodec()
  /// Stored bytes of a frame while it is read.
  let stored = AlignedBuffer(byteCountMin: 1 << 16)
  /// Stored bytes of the pages that a leaf's job puts away, one behind the other.
  let output = AlignedBuffer(byteCountMin: 1 << 16)

  init(pageByteCount: Int) {
    pages = PageCodec(pageByteCount: pageByteCount)
    comparer = PageComparer(pageByteCount: pageByteCount)
  }
}

/// Lends codec sets to threads; as many exist as were ever in use at once.
final class CodecPool: Sendable {
  private let pageByteCount: Int
  private let idle = Mutex(Idle())

  // A set is used by the one thread that took it out.
  private struct Idle: @unchecked Sendable {
    var sets: [CodecSet] = []
  }

  init(pageByteCount: Int) { self.pageByteCount = pageByteCount }

  func withSet<Result, Failure: Error>(
    _ body: (CodecSet) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    nonisolated(unsafe) var taken: CodecSet?
    idle.withLock { taken = $0.sets.popLast() }
    let set = taken ?? CodecSet(pageByteCount: pageByteCount)
    defer {
      nonisolated(unsafe) let returned = set
      idle.withLock { $0.sets.append(returned) }
    }
    return try body(set)
  }
}
