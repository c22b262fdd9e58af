package import CoppiceFormat

/// Operations on volumes that happen together, in order, or not at all.
///
/// The operations are kept in the form in which the journal stores them, cut into records of at
/// most `recordByteCountMax`. At most `byteCountMax` in all; more is `invalid` at commit.
package struct Transaction: Sendable {
  /// What one record may hold, so that a batch with it fits into the smallest journal file.
  static let recordByteCountMax = 256 << 10
  package static let byteCountMax = 64 << 20

  /// Modification time that the next operations give to volumes, in nanoseconds since 1970.
  package private(set) var time: Int64
  package private(set) var operations: [UInt8] = []
  /// Where records end in `operations`, and how many operations each has.
  package private(set) var records: [RecordExtent] = []

  package struct RecordExtent: Sendable {
    package var bytes: Range<Int>
    package var operationCount: Int
    /// Modification time that its operations give to the volumes they change.
    package var time: Int64
  }

  private var removes = false
  private var brings = false

  /// Whether the transaction removes something and brings nothing but names, so that it is accepted
  /// on a full disk too.
  package var isRemoval: Bool { removes && !brings }

  package init(time: Int64) { self.time = time }

  /// Says that what the transaction writes removes something: a name, say.
  package mutating func noteRemoval() { removes = true }

  /// Operations from here on give volumes another modification time.
  package mutating func setTime(_ time: Int64) { self.time = time }

  package var isEmpty: Bool { records.isEmpty }
  package var byteCount: Int { operations.count }

  /// Writes bytes; a write past the end extends the volume.
  package mutating func write(
    _ volume: VolumeNumber, at offset: UInt64, _ bytes: UnsafeRawBufferPointer
  ) {
    if volume != .names { brings = true }
    var start = 0
    while start < bytes.count {
      let place = offset + UInt64(start)
      let count = min(bytes.count - start, Self.pieceByteCount(at: place))
      append(
        OpHeader(code: .write, payloadByteCount: UInt32(count), volume: volume, offset: place),
        UnsafeRawBufferPointer(rebasing: bytes[start..<start + count]))
      start += count
    }
  }

  /// Large writes are cut at multiples of 64 KiB, the largest page, so that no page is cut in two.
  static func pieceByteCount(at offset: UInt64) -> Int {
    let unit = 64 << 10
    return 2 * unit - Int(offset % UInt64(unit))
  }

  /// Makes a range read as zero; never extends the volume.
  package mutating func hole(_ volume: VolumeNumber, at offset: UInt64, byteCount: UInt64) {
    removes = true
    withUnsafeBytes(of: byteCount.littleEndian) {
      append(
        OpHeader(code: .hole, payloadByteCount: 8, volume: volume, offset: offset), $0)
    }
  }

  /// Sets the volume's byte count: cuts it, or extends it with a hole. Creates the volume.
  package mutating func resize(_ volume: VolumeNumber, to byteCount: UInt64) {
    removes = true
    append(
      OpHeader(code: .resize, payloadByteCount: 0, volume: volume, offset: byteCount),
      UnsafeRawBufferPointer(start: nil, count: 0))
  }

  /// Removes the volume.
  package mutating func drop(_ volume: VolumeNumber) {
    removes = true
    append(
      OpHeader(code: .drop, payloadByteCount: 0, volume: volume, offset: 0),
      UnsafeRawBufferPointer(start: nil, count: 0))
  }

  /// Places pages that another volume of the same domain owns; extends the volume like a write.
  /// `offset` is a multiple of the page byte count. The refs must be reachable from a live state
  /// until the transaction is committed.
  package mutating func share(_ volume: VolumeNumber, at offset: UInt64, _ refs: [Ref]) {
    brings = true
    var bytes = [UInt8](repeating: 0, count: refs.count * Ref.byteCount)
    bytes.withUnsafeMutableBytes { buffer in
      for (index, ref) in refs.enumerated() {
        ref.encode(
          into: UnsafeMutableRawBufferPointer(rebasing: buffer[(index * Ref.byteCount)...]))
      }
    }
    bytes.withUnsafeBytes {
      append(
        OpHeader(
          code: .share, payloadByteCount: UInt32($0.count), volume: volume, offset: offset), $0)
    }
  }

  /// Makes the volume's content the tree under `top`, a volume's top node of the same domain.
  package mutating func adopt(_ volume: VolumeNumber, top: Ref, attributes: VolumeAttributes) {
    brings = true
    var bytes = [UInt8](repeating: 0, count: Ref.byteCount + 8)
    bytes.withUnsafeMutableBytes { buffer in
      top.encode(into: buffer)
      buffer.storeBytes(
        of: attributes.byteCount.littleEndian, toByteOffset: Ref.byteCount, as: UInt64.self)
    }
    bytes.withUnsafeBytes {
      append(
        OpHeader(code: .adopt, payloadByteCount: UInt32($0.count), volume: volume, offset: 0), $0)
    }
  }

  private mutating func append(_ header: OpHeader, _ payload: UnsafeRawBufferPointer) {
    let padded = (payload.count + 7) & ~7
    let start = operations.count
    withUnsafeTemporaryAllocation(byteCount: OpHeader.byteCount, alignment: 8) { buffer in
      guard let base = buffer.baseAddress else { return }
      OpHeader.store(header, to: base)
      operations.append(contentsOf: buffer)
    }
    operations.append(contentsOf: payload)
    operations.append(contentsOf: repeatElement(0, count: padded - payload.count))
    let end = operations.count
    if let last = records.last, last.time == time,
      end - last.bytes.lowerBound <= Self.recordByteCountMax
    {
      records[records.count - 1].bytes = last.bytes.lowerBound..<end
      records[records.count - 1].operationCount += 1
    } else {
      records.append(RecordExtent(bytes: start..<end, operationCount: 1, time: time))
    }
  }
}
