internal import CoppiceEngine
internal import CoppicePlatform

/// Brings in content that comes in order: a stream's, or that of the members of an archive. The
/// reading thread fills buffers, the queue's threads put them.
final class StreamContents {
  private let session: ImportSession
  private let buffers: LeafBuffers

  init(_ session: ImportSession) {
    self.session = session
    buffers = LeafBuffers(
      count: TransferQueue.threadCount(session.options.threadCount) + 2,
      byteCount: session.staging.leafByteCount)
  }

  /// Takes content in pieces. `next` fills a buffer from a place on and says how much, 0 at the
  /// end; `seek` says where the next data lies, `nil` behind the last.
  func run(
    _ file: FileID, isNew: Bool, modified: Int64, byteCount: UInt64?,
    seek: (_ offset: UInt64) throws(StoreError) -> UInt64?,
    read: (UnsafeMutableRawBufferPointer) throws(StoreError) -> Int
  ) throws(StoreError) -> UInt64 {
    let volume = try session.volume(of: file, isNew: isNew, modified: modified)
    let leafByteCount = UInt64(session.staging.leafByteCount)
    var offset: UInt64 = 0
    var end: UInt64 = 0
    while let start = try seek(offset) {
      let leaf = start / leafByteCount
      let buffer = try buffers.take(session.queue)
      let filled = try fill(buffer, leaf * leafByteCount, start, seek, read)
      guard let filled else {
        buffers.give(buffer)
        break
      }
      offset = filled
      end = filled
      let used = Int(filled - leaf * leafByteCount)
      volume.begin()
      let buffers = buffers
      try session.queue.submit { _ throws(StoreError) in
        defer { buffers.give(buffer) }
        try volume.put(
          leaf: leaf, UnsafeRawBufferPointer(rebasing: buffer.contents[..<used]))
      }
    }
    try volume.seal(byteCount: byteCount ?? end)
    return byteCount ?? end
  }

  /// Fills one leaf from `start` on; returns where its data ends, `nil` when there was none.
  private func fill(
    _ buffer: AlignedBuffer, _ origin: UInt64, _ start: UInt64,
    _ seek: (UInt64) throws(StoreError) -> UInt64?,
    _ read: (UnsafeMutableRawBufferPointer) throws(StoreError) -> Int
  ) throws(StoreError) -> UInt64? {
    let bytes = buffer.mutableContents
    let limit = origin + UInt64(bytes.count)
    var end: UInt64?
    var zeroed = origin
    var place = start
    while place < limit {
      let gap = UnsafeMutableRawBufferPointer(
        rebasing: bytes[Int(zeroed - origin)..<Int(place - origin)])
      gap.initializeMemory(as: UInt8.self, repeating: 0)
      let room = UnsafeMutableRawBufferPointer(rebasing: bytes[Int(place - origin)...])
      let count = try read(room)
      if count == 0 { break }
      place += UInt64(count)
      zeroed = place
      end = place
      guard place < limit, let next = try seek(place) else { break }
      place = next
    }
    return end
  }
}

/// A few buffers that go around between the reading thread and the others.
final class LeafBuffers: @unchecked Sendable {
  private let monitor = Monitor()
  private var free: [AlignedBuffer]

  init(count: Int, byteCount: Int) {
    free = (0..<count).map { _ in
      let buffer = AlignedBuffer(byteCountMin: byteCount)
      buffer.extend(byteCount)
      return buffer
    }
  }

  /// A buffer that nobody uses. A failed queue drops jobs, and buffers with them: then throws its
  /// failure.
  func take(_ queue: TransferQueue) throws(StoreError) -> AlignedBuffer {
    try monitor.withLock { () throws(StoreError) in
      while true {
        try queue.check()
        if let buffer = free.popLast() { return buffer }
        monitor.wait()
      }
    }
  }

  func give(_ buffer: AlignedBuffer) {
    monitor.withLock {
      free.append(buffer)
      monitor.broadcast()
    }
  }
}
