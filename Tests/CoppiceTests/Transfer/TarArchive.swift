import Coppice
import CoppiceEngine

/// A tar stream in memory, as a test reads and writes it.
final class TarArchive: TransferInput, TransferOutput {
  struct Member: Hashable {
    var entry: TarEntry
    /// The file's content, holes as zeros.
    var content: [UInt8]
  }

  private(set) var bytes: [UInt8]
  private var offset = 0
  /// Bytes that one read gives at most: streams come in pieces.
  private let pieceByteCount: Int

  init(_ bytes: [UInt8] = [], pieceByteCount: Int = .max) {
    self.bytes = bytes
    self.pieceByteCount = pieceByteCount
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
    let count = min(buffer.count, bytes.count - offset, pieceByteCount)
    buffer.copyBytes(from: bytes[offset..<offset + count])
    offset += count
    return count
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
    self.bytes += bytes
  }

  /// All members with their data.
  static func members(of bytes: [UInt8], pieceByteCount: Int = .max) throws -> [Member] {
    var reader = TarReader(TarArchive(bytes, pieceByteCount: pieceByteCount), object: "test")
    var members: [Member] = []
    while let entry = try reader.next() {
      let byteCount = entry.kind == .file ? Int(entry.byteCount) : 0
      guard byteCount <= 64 << 20 else {
        members.append(Member(entry: entry, content: []))
        continue
      }
      var content = [UInt8](repeating: 0, count: byteCount)
      while let range = reader.nextData {
        var piece = [UInt8](repeating: 0, count: min(Int(range.upperBound - range.lowerBound), 999))
        let count = try piece.withUnsafeMutableBytes { try reader.readData(into: $0) }
        let start = Int(range.lowerBound)
        content.replaceSubrange(start..<start + count, with: piece[..<count])
      }
      members.append(Member(entry: entry, content: content))
    }
    return members
  }
}
