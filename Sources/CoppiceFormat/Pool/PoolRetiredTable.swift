/// All segments of a pool that were retired up to a cycle, and which segments host their frames.
/// Never changed; the head names the one that holds.
///
/// The body of a block with the magic "CpPr":
///
///     cycle u64   retired (count u32, as in the catalogue)
public struct PoolRetiredTable: Hashable, Sendable {
  public var cycle: UInt64
  /// Ids ascending.
  public var retired: [RetiredSegment]

  public init(cycle: UInt64, retired: [RetiredSegment] = []) {
    self.cycle = cycle
    self.retired = retired
  }

  /// - Precondition: ids ascend.
  public func encode() -> [UInt8] {
    precondition(retired.ascends(by: \.id))
    var writer = ByteWriter(byteCapacity: 16 + 16 * retired.count)
    writer.append(cycle)
    writer.append(retired)
    return PoolBlock.encode(Self.prefix, body: writer.bytes)
  }

  public static func decode(_ bytes: RawSpan) throws(FormatError) -> PoolRetiredTable {
    try PoolBlock.decode(bytes, prefix) { (reader) throws(FormatError) in
      let table = PoolRetiredTable(
        cycle: try reader.integer(), retired: try reader.retiredSegments())
      guard table.retired.ascends(by: \.id) else { throw .malformed(what: prefix.what) }
      return table
    }
  }

  private static let prefix = BlockPrefix(what: "pool's retired table", magic: "CpPr", version: 1)
}
