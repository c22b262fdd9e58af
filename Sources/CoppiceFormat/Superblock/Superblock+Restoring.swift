extension Superblock {
  private static let sectorByteCount = 512

  /// The superblock that two damaged copies still tell, if a checksum proves it: one of them with
  /// one bit changed, or, sector by sector where they differ, the one or the other.
  public static func restoring(_ bytes: RawSpan) -> Superblock? {
    bytes.withUnsafeBytes { bytes in
      guard bytes.count >= byteCount else { return nil }
      let copies = [0, copyByteCount].map { bytes.slice($0..<$0 + copyByteCount) }
      if let mixed = mixing(copies[0], copies[1]) { return mixed }
      for copy in copies {
        let corrected = BlockChecksum.correctingOneBit(of: copy, at: checksumOffset)
        if let corrected, let whole = try? decode(corrected.span.bytes) { return whole }
      }
      return nil
    }
  }

  private static func mixing(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer)
    -> Superblock?
  {
    let sectors = stride(from: 0, to: copyByteCount, by: sectorByteCount)
      .map { $0..<$0 + sectorByteCount }
      .filter { !first.slice($0).elementsEqual(second.slice($0)) }
    for choice in 0..<1 << sectors.count {
      var mixed = Array(first)
      for (index, sector) in sectors.enumerated() where choice & 1 << index != 0 {
        mixed.replaceSubrange(sector, with: second.slice(sector))
      }
      if let whole = try? decode(mixed.span.bytes) { return whole }
    }
    return nil
  }
}
