/// The payload of a note frame: which branch a seal or an import was for. A repair without a
/// catalogue finds roots and names again from these: of a branch's notes the one with the greatest
/// LSN counts, of several with that LSN the one with the greatest name.
///
///     0  magic "CpNt"   version u16   flags u16
///     8  branch u64
///     16 lsn u64
///     24 time i64         nanoseconds since 1970
///     32 root[32]
///     64 xxh3 u64
///     72 nameByteCount u16   name, UTF-8
public struct NoteFrame: Hashable, Sendable {
  public var branch: BranchID
  public var name: String
  public var lsn: LSN
  public var root: Ref
  public var time: Int64

  public init(branch: BranchID, name: String, lsn: LSN, root: Ref, time: Int64) {
    self.branch = branch
    self.name = name
    self.lsn = lsn
    self.root = root
    self.time = time
  }

  /// The payload, at most 512 bytes.
  ///
  /// - Precondition: the name has at most `BranchEntry.nameByteCountMax` bytes.
  public func encode() -> [UInt8] {
    precondition(name.utf8.count <= BranchEntry.nameByteCountMax)
    var writer = ByteWriter(byteCapacity: 128)
    writer.append(Self.prefix)
    writer.append(branch.rawValue)
    writer.append(lsn.rawValue)
    writer.append(time)
    writer.append(root)
    writer.append(UInt64(0))
    writer.append(text: name)
    writer.seal(checksumAt: Self.checksumOffset)
    return writer.bytes
  }

  public static func decode(_ bytes: RawSpan) throws(FormatError) -> NoteFrame {
    try bytes.withUnsafeBytes { (bytes) throws(FormatError) in
      try prefix.checkMagic(bytes, byteCount: checksumOffset + BlockChecksum.byteCount)
      guard BlockChecksum.holds(bytes, at: checksumOffset) else {
        throw .checksum(what: prefix.what)
      }
      _ = try prefix.flags(bytes)
      var reader = ByteReader(bytes, what: prefix.what)
      _ = try reader.bytes(BlockPrefix.byteCount)
      let branch = BranchID(try reader.integer())
      let lsn = LSN(try reader.integer())
      let time: Int64 = try reader.integer()
      let root = try reader.ref()
      _ = try reader.bytes(BlockChecksum.byteCount)
      let name = try reader.text("branch name", atMost: UInt16(BranchEntry.nameByteCountMax))
      try reader.finish()
      return NoteFrame(branch: branch, name: name, lsn: lsn, root: root, time: time)
    }
  }

  private static let prefix = BlockPrefix(what: "note", magic: "CpNt", version: 1)
  private static let checksumOffset = 64
}
