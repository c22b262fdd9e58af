/// The first eight bytes of every block that carries magic, version and flags.
///
///     magic u32   version u16   flags u16        8 bytes, little-endian
struct BlockPrefix {
  static let byteCount = 8

  let what: String
  let magic: UInt32
  let version: UInt16
  let knownFlags: UInt16

  init(what: String, magic: StaticString, version: UInt16, knownFlags: UInt16 = 0) {
    precondition(magic.utf8CodeUnitCount == 4)
    self.what = what
    self.magic = UnsafeRawPointer(magic.utf8Start).integer(at: 0)
    self.version = version
    self.knownFlags = knownFlags
  }

  func store(flags: UInt16 = 0, to block: UnsafeMutableRawBufferPointer) {
    block.store(integer: magic, at: 0)
    block.store(integer: version, at: 4)
    block.store(integer: flags, at: 6)
  }

  /// Throws unless `byteCount` bytes are there and begin with the magic.
  func checkMagic(_ block: UnsafeRawBufferPointer, byteCount: Int) throws(FormatError) {
    guard block.count >= byteCount else {
      throw .truncated(what: what, needed: byteCount, available: block.count)
    }
    let found = block.integer(at: 0, as: UInt32.self)
    guard found == magic else { throw .badMagic(what: what, found: UInt64(found)) }
  }

  /// Checks the version; returns the flags, all of them known.
  func flags(_ block: UnsafeRawBufferPointer) throws(FormatError) -> UInt16 {
    let found = block.integer(at: 4, as: UInt16.self)
    guard found == version else { throw .unsupportedVersion(what: what, found: UInt32(found)) }
    let flags = block.integer(at: 6, as: UInt16.self)
    let unknown = flags & ~knownFlags
    guard unknown == 0 else { throw .unknownFlags(what: what, bits: UInt64(unknown)) }
    return flags
  }
}
