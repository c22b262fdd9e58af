internal import CoppiceFormat

public enum SampleCatalogue {
  /// The file of a catalogue with that body, stored as it is.
  public static func bytes(body: [UInt8]) -> [UInt8] {
    let empty = Catalogue(lsn: .zero, time: 0, nextBranch: 1, nextVolume: 1, nextSegment: 1)
    var bytes = Array(empty.encode().prefix(80)) + body
    bytes.withUnsafeMutableBytes { bytes in
      for offset in [56, 64] {
        bytes.storeBytes(
          of: UInt64(body.count).littleEndian, toByteOffset: offset, as: UInt64.self)
      }
    }
    return bytes.sealed(checksumAt: 72)
  }
}

extension [UInt8] {
  /// With the checksum that a block of these bytes has in the field at `offset`.
  public func sealed(checksumAt offset: Int) -> [UInt8] {
    var bytes = self
    bytes.withUnsafeMutableBytes { block in
      let before = checksum64(UnsafeRawBufferPointer(rebasing: block[..<offset]))
      let rest = UnsafeRawBufferPointer(rebasing: block[(offset + 8)...])
      block.storeBytes(
        of: checksum64(rest, seed: before).littleEndian, toByteOffset: offset, as: UInt64.self)
    }
    return bytes
  }
}
