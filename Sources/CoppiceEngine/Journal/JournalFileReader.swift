internal import CoppiceFormat
internal import CoppicePlatform

/// Reads the valid run of batches of one journal file.
struct JournalFileReader {
  let file: JournalFile
  let header: JournalFileHeader
  /// Records above this LSN were torn off and are ignored.
  let limit: LSN

  struct End {
    /// The last LSN of the run.
    var lsn: LSN
    /// Where the next batch would be.
    var offset: UInt64
  }

  /// Visits every record in order and returns where the run ends.
  func scan(
    _ visit: (LSN, RecordHeader, UnsafeRawBufferPointer) throws(StoreError) -> Void
  ) throws(StoreError) -> End {
    var end = End(
      lsn: LSN(header.firstLSN.rawValue - 1), offset: UInt64(JournalLimits.blockByteCount))
    let window = ReadWindow(file: file)
    while let batch = try batch(at: end.offset, window) {
      guard batch.header.firstLSN == end.lsn.next else { break }
      var lsn = end.lsn
      var records = RecordReader(batch: batch.bytes, header: batch.header)
      while let record = try next(&records, at: end.offset) {
        lsn = lsn.next
        if lsn > limit { return End(lsn: limit, offset: end.offset) }
        try visit(lsn, record.header, record.payload)
      }
      end.lsn = lsn
      end.offset += batch.paddedByteCount
    }
    return end
  }

  private func next(_ records: inout RecordReader, at offset: UInt64) throws(StoreError) -> Record?
  {
    do throws(FormatError) { return try records.next() } catch {
      throw StoreError(error, in: "\(file.name) at offset \(offset)")
    }
  }

  /// The highest synced LSN that any intact batch of this file names at or behind `offset`.
  func syncedLSN(behind offset: UInt64) throws(StoreError) -> LSN? {
    var best: LSN?
    let window = ReadWindow(file: file)
    var place = offset
    while place < file.capacity {
      if let batch = try batch(at: place, window) {
        if batch.header.firstLSN <= limit.next { best = max(best ?? .zero, batch.header.syncedLSN) }
        place += batch.paddedByteCount
      } else {
        place += UInt64(JournalLimits.blockByteCount)
      }
    }
    return best
  }

  /// The highest LSN that any intact batch of this file takes or vouches for, whether or not it
  /// counts.
  func lastLSN() throws(StoreError) -> LSN {
    var last = header.firstLSN
    let window = ReadWindow(file: file)
    var place = UInt64(JournalLimits.blockByteCount)
    while place < file.capacity {
      guard let batch = try batch(at: place, window) else {
        place += UInt64(JournalLimits.blockByteCount)
        continue
      }
      let end = batch.header.firstLSN.rawValue + UInt64(batch.header.recordCount)
      last = max(last, LSN(end), batch.header.syncedLSN)
      place += batch.paddedByteCount
    }
    return last
  }

  /// Visits the records of all intact batches at or behind `offset`, whether or not they follow on
  /// one another. What cannot be read is passed over.
  func forEachIntactRecord(
    behind offset: UInt64, _ visit: (RecordHeader, UnsafeRawBufferPointer) -> Void
  ) throws(StoreError) {
    let window = ReadWindow(file: file)
    var place = offset
    while place < file.capacity {
      guard let batch = try batch(at: place, window) else {
        place += UInt64(JournalLimits.blockByteCount)
        continue
      }
      place += batch.paddedByteCount
      guard batch.header.firstLSN <= limit.next else { continue }
      var records = RecordReader(batch: batch.bytes, header: batch.header)
      while let record = try? records.next() { visit(record.header, record.payload) }
    }
  }

  /// The headers of all whole batches, of whatever generation; none of a file that has no batch in
  /// its first place, as a prepared one.
  static func wholeBatches(of file: JournalFile) throws(StoreError) -> [(
    offset: UInt64, header: JournalBatchHeader
  )] {
    var found: [(offset: UInt64, header: JournalBatchHeader)] = []
    let block = UInt64(JournalLimits.blockByteCount)
    guard try file.readBlock(at: block).contents.contains(where: { $0 != 0 }) else { return [] }
    let window = ReadWindow(file: file)
    var place = block
    while place < file.capacity {
      let head = try window.bytes(at: place, count: JournalBatchHeader.byteCount)
      if head.count == JournalBatchHeader.byteCount,
        let header = try? JournalBatchHeader.decode(head.bytes),
        let batch = try wholeBatch(header, at: place, window)
      {
        found.append((place, header))
        place += batch.paddedByteCount
      } else {
        place += block
      }
    }
    return found
  }

  private struct Batch {
    var header: JournalBatchHeader
    var bytes: UnsafeRawBufferPointer

    var paddedByteCount: UInt64 {
      let block = UInt64(JournalLimits.blockByteCount)
      return (UInt64(bytes.count) + block - 1) / block * block
    }
  }

  /// The intact batch at `offset`, if there is one. Its bytes are valid until the next read.
  private func batch(at offset: UInt64, _ window: ReadWindow) throws(StoreError) -> Batch? {
    let first = try window.bytes(at: offset, count: JournalLimits.blockByteCount)
    guard first.count == JournalLimits.blockByteCount,
      let batchHeader = try batchHeader(first, at: offset),
      batchHeader.generation == header.generation
    else { return nil }
    return try Self.wholeBatch(batchHeader, at: offset, window)
  }

  private static func wholeBatch(
    _ header: JournalBatchHeader, at offset: UInt64, _ window: ReadWindow
  ) throws(StoreError) -> Batch? {
    let byteCount = Int(header.batchByteCount)
    guard byteCount <= JournalLimits.batchByteCountMax + JournalLimits.blockByteCount else {
      return nil
    }
    let bytes = try window.bytes(at: offset, count: byteCount)
    guard bytes.count == byteCount, JournalBatchHeader.verify(batch: bytes, header: header) else {
      return nil
    }
    return Batch(header: header, bytes: bytes)
  }

  /// `nil` where no batch begins. One of a newer format is no torn end of the journal.
  private func batchHeader(
    _ block: UnsafeRawBufferPointer, at offset: UInt64
  ) throws(StoreError) -> JournalBatchHeader? {
    do throws(FormatError) {
      return try JournalBatchHeader.decode(
        UnsafeRawBufferPointer(rebasing: block[0..<JournalBatchHeader.byteCount]).bytes)
    } catch {
      guard error.isUnsupported, JournalBatchHeader.generation(block) == header.generation else {
        return nil
      }
      throw StoreError(error, in: "\(file.name) at offset \(offset)")
    }
  }
}

extension JournalFile {
  /// A block, or as much of it as the file has.
  func readBlock(at offset: UInt64) throws(StoreError) -> AlignedBuffer {
    let block = AlignedBuffer(byteCountMin: JournalLimits.blockByteCount)
    block.extend(JournalLimits.blockByteCount)
    do throws(SystemError) {
      block.removeAll(from: try file.read(into: block.mutableContents, at: offset))
    } catch {
      throw StoreError(error, while: "reading the journal")
    }
    return block
  }
}

/// Reads a file forward in large pieces.
private final class ReadWindow {
  private let file: JournalFile
  private let buffer = AlignedBuffer(byteCountMin: ReadWindow.byteCount)
  private var start: UInt64 = 0
  private static let byteCount = 4 << 20

  init(file: JournalFile) { self.file = file }

  /// The bytes, or as many of them as the file has. Valid until the next call.
  func bytes(at offset: UInt64, count: Int) throws(StoreError) -> UnsafeRawBufferPointer {
    if offset < start || offset + UInt64(count) > start + UInt64(buffer.byteCount) {
      buffer.removeAll()
      buffer.extend(Self.byteCount)
      do throws(SystemError) {
        let read = try file.file.read(into: buffer.mutableContents, at: offset)
        buffer.removeAll(from: read)
      } catch {
        throw StoreError(error, while: "reading the journal")
      }
      start = offset
    }
    let low = Int(offset - start)
    let high = min(low + count, buffer.byteCount)
    return UnsafeRawBufferPointer(rebasing: buffer.contents[low..<max(low, high)])
  }
}
