internal import CoppicePlatform

/// The content of a file of an input, to be read from any place by any thread.
package final class EstimateContent: Sendable {
  /// A range of the content and where in the archive it lies; what is between ranges are holes.
  struct Piece: Sendable {
    var range: Range<UInt64>
    var offset: UInt64
  }

  /// Holes included.
  package let byteCount: UInt64
  private let file: HostFile
  /// `nil`: all of the file itself.
  private let pieces: [Piece]?
  private let isSparse: Bool

  init(_ file: HostFile, _ status: HostStatus) {
    self.file = file
    byteCount = status.byteCount
    pieces = nil
    isSparse = status.allocatedByteCount < status.byteCount
  }

  init(_ archive: HostFile, byteCount: UInt64, _ pieces: [Piece]) {
    file = archive
    self.byteCount = byteCount
    self.pieces = pieces
    isSparse = true
  }

  /// Where the first data at or after `offset` begins; `nil` where only holes follow.
  func nextData(from offset: UInt64) throws(StoreError) -> UInt64? {
    guard offset < byteCount else { return nil }
    if !isSparse { return offset }
    if let pieces {
      return pieces.reaching(past: offset).first.map { max($0.range.lowerBound, offset) }
    }
    let next = try reading(file.path) { () throws(SystemError) in
      try file.nextData(from: offset)
    }
    return next?.lowerBound
  }

  /// Fills `buffer` with the bytes from `offset` on, all of which are there.
  package func read(
    into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(StoreError) {
    guard let pieces else { return try fill(buffer, at: offset) }
    buffer.initializeMemory(as: UInt8.self, repeating: 0)
    let wanted = offset..<offset + UInt64(buffer.count)
    for piece in pieces.reaching(past: offset) {
      guard piece.range.lowerBound < wanted.upperBound else { break }
      let part = piece.range.clamped(to: wanted)
      let start = Int(part.lowerBound - offset)
      try fill(
        UnsafeMutableRawBufferPointer(rebasing: buffer[start..<start + part.count]),
        at: piece.offset + part.lowerBound - piece.range.lowerBound)
    }
  }

  private func fill(
    _ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(StoreError) {
    let count: Int
    do throws(StoreError) {
      count = try reading(file.path) { () throws(SystemError) in
        try file.read(into: buffer, at: offset)
      }
    } catch {
      throw error.inEstimate
    }
    guard count == buffer.count else {
      throw .changed(file.path, "ends at byte \(offset + UInt64(count)), before it should")
    }
  }
}

extension [EstimateContent.Piece] {
  /// Those that end behind `offset`; all ascend.
  fileprivate func reaching(past offset: UInt64) -> ArraySlice<EstimateContent.Piece> {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if self[middle].range.upperBound > offset { high = middle } else { low = middle + 1 }
    }
    return self[low...]
  }
}
