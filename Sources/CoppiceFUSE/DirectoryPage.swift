internal import CFuse
internal import CoppicePlatform

/// Writes entries of a directory in the form in which the kernel takes them:
///
///     [entry of 128 bytes, with attributes] inode u64, position u64, byte count of the name u32,
///     kind u32, name, zeros up to a multiple of 8
struct DirectoryPage {
  private let buffer: UnsafeMutableRawBufferPointer
  let withAttributes: Bool
  private(set) var byteCount = 0

  init(_ buffer: UnsafeMutableRawBufferPointer, withAttributes: Bool) {
    self.buffer = buffer
    self.withAttributes = withAttributes
  }

  private static let entryByteCount = MemoryLayout<fuse_entry_out>.size
  private static let headByteCount = 24

  private func byteCount(of name: [UInt8]) -> Int {
    let head = Self.headByteCount + (withAttributes ? Self.entryByteCount : 0)
    return (head + name.count + 7) & ~7
  }

  func hasRoom(for name: [UInt8]) -> Bool {
    byteCount + byteCount(of: name) <= buffer.count
  }

  /// Returns whether there was room. `position` is where reading goes on behind the entry; without
  /// `entry` the kernel looks the name up itself.
  mutating func append(
    _ name: [UInt8], _ kind: HostFileKind, inode: UInt64, position: UInt64,
    entry: fuse_entry_out? = nil
  ) -> Bool {
    guard hasRoom(for: name), let base = buffer.baseAddress else { return false }
    var place = base + byteCount
    let end = place + byteCount(of: name)
    if withAttributes {
      place.storeBytes(of: entry ?? fuse_entry_out(), as: fuse_entry_out.self)
      place += Self.entryByteCount
    }
    place.storeBytes(of: inode, as: UInt64.self)
    place.storeBytes(of: position, toByteOffset: 8, as: UInt64.self)
    place.storeBytes(of: UInt32(name.count), toByteOffset: 16, as: UInt32.self)
    // The kind as in `d_type`: the mode's bits without the permissions.
    place.storeBytes(of: kind.modeBits >> 12, toByteOffset: 20, as: UInt32.self)
    place += Self.headByteCount
    name.withUnsafeBytes { bytes in
      if let start = bytes.baseAddress { place.copyMemory(from: start, byteCount: bytes.count) }
    }
    place += name.count
    place.initializeMemory(as: UInt8.self, repeating: 0, count: end - place)
    byteCount += byteCount(of: name)
    return true
  }
}
