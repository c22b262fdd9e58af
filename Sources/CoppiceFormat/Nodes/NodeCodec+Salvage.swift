// What damaged nodes still tell. Nothing of it is proven: it makes candidates, and a candidate
// counts only if `identify` gives the id that a ref names.

/// What the stored bytes of a node say, although their checksum does not hold.
public struct SalvagedNode: Sendable {
  public var header: NodeHeader
  /// The hashes that are stored, in the order of their slots; of overrides, of those slots only.
  public var hashes: [PageHash]
  /// Whether the columns could be decoded too; the refs are undefined otherwise.
  public var hasRefs: Bool
}

extension NodeCodec {
  /// The bytes with that one bit changed that makes the checksum hold, if there is one.
  ///
  /// Takes time in proportion to the square of the byte count.
  public static func correctingOneBit(
    of stored: UnsafeRawBufferPointer, isDerived: Bool
  ) -> [UInt8]? {
    let offset = (isDerived ? Locator.byteCount : 0) + StoredNodeHeader.checksumOffset
    if stored.count > storedByteCountMax { return nil }
    return BlockChecksum.correctingOneBit(of: stored, at: offset)
  }

  /// Decodes as much as can be decoded; `nil` when the header makes no sense.
  ///
  /// - Parameter baseRefs: of a node stored as overrides: the base's refs, if they are known.
  public func salvage(
    _ stored: UnsafeRawBufferPointer, isDerived: Bool, baseRefs: UnsafePointer<Ref>?,
    into refs: UnsafeMutablePointer<Ref>
  ) -> SalvagedNode? {
    let start = isDerived ? Locator.byteCount : 0
    guard stored.count >= start,
      let header = try? StoredNodeHeader(stored, at: start, isChecked: false)
    else { return nil }
    var found = SalvagedNode(header: header.header, hashes: [], hasRefs: false)
    let body = stored.slice(min(stored.count, start + header.byteCount)..<stored.count)
    if body.count >= 16 * header.hashCount {
      let hashes = body.slice(body.count - 16 * header.hashCount..<body.count)
      found.hashes = (0..<header.hashCount).map {
        PageHash(low: hashes.integer(at: 16 * $0), high: hashes.integer(at: 16 * $0 + 8))
      }
    }
    if isDerived {
      guard let baseRefs else { return found }
      refs.update(from: baseRefs, count: Self.slotCount)
    } else {
      refs.update(repeating: .hole, count: Self.slotCount)
    }
    found.hasRefs = (try? decode(header, body, into: refs)) != nil
    return found
  }
}

extension NodeCodec {
  /// The header of stored bytes that are exactly one whole node, which their checksum says.
  public static func header(
    of stored: UnsafeRawBufferPointer, isDerived: Bool
  ) throws(FormatError) -> NodeHeader {
    guard stored.count >= Locator.byteCount else {
      throw .truncated(what: "node", needed: Locator.byteCount, available: stored.count)
    }
    return try StoredNodeHeader(stored, at: isDerived ? Locator.byteCount : 0).header
  }

  /// The id that a node's header at the start of `bytes` names; `nil` where there is none. Not
  /// verified.
  public static func likelyID(at bytes: UnsafeRawBufferPointer, isDerived: Bool) -> PageHash? {
    let start = isDerived ? Locator.byteCount : 0
    guard StoredNodeHeader.isLikely(bytes, at: start) else { return nil }
    return PageHash(
      low: bytes.integer(at: start + StoredNodeHeader.idOffset),
      high: bytes.integer(at: start + StoredNodeHeader.idOffset + 8))
  }
}
