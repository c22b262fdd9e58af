package import CoppiceFormat

extension Transaction {
  /// Turns a volume's bytes from `offset` on, as they were before the transaction, into what they
  /// are after its operations, none of which shares or adopts pages. Takes time in proportion to
  /// these.
  package func apply(
    to bytes: UnsafeMutableRawBufferPointer, of volume: VolumeNumber, at offset: UInt64
  ) {
    operations.withUnsafeBytes { all in
      for record in records {
        var reader = OpReader(
          UnsafeRawBufferPointer(rebasing: all[record.bytes]), opCount: record.operationCount)
        while let op = Self.next(&reader) {
          if op.header.volume == volume { op.apply(to: bytes, at: offset) }
        }
      }
    }
  }

  private static func next(_ reader: inout OpReader) -> Op? {
    do throws(FormatError) { return try reader.next() } catch {
      preconditionFailure("a transaction's own operations cannot be read: \(error)")
    }
  }
}

extension Op {
  /// Changes the part of its volume that begins at `offset`.
  fileprivate func apply(to bytes: UnsafeMutableRawBufferPointer, at offset: UInt64) {
    let all = offset..<(offset + UInt64(bytes.count))
    let start = header.offset
    switch header.code {
    case .write:
      let part = (start..<start + UInt64(payload.count)).clamped(to: all)
      if part.isEmpty { return }
      let source = payload[Int(part.lowerBound - start)..<Int(part.upperBound - start)]
      bytes.part(part, from: offset).copyMemory(from: UnsafeRawBufferPointer(rebasing: source))
    case .hole: bytes.zero((start..<start + holeByteCount).clamped(to: all), from: offset)
    case .resize: bytes.zero((start..<UInt64.max).clamped(to: all), from: offset)
    case .drop: bytes.zero(all, from: offset)
    case .share, .adopt: preconditionFailure("pages are not bytes")
    }
  }
}

extension UnsafeMutableRawBufferPointer {
  /// A range of what begins at `offset`.
  fileprivate func part(_ range: Range<UInt64>, from offset: UInt64) -> Self {
    Self(rebasing: self[Int(range.lowerBound - offset)..<Int(range.upperBound - offset)])
  }

  fileprivate func zero(_ range: Range<UInt64>, from offset: UInt64) {
    if !range.isEmpty { part(range, from: offset).initializeMemory(as: UInt8.self, repeating: 0) }
  }
}
