/// Where the boxes of an object lie, and what each is sealed with. A box is up to 64 KiB of content
/// under one authentication tag, so that any of it can be read without the rest.
///
///     box i           at 96 + i * 65552: content from i * 65536 on, by AES-256-GCM, then tag[16]
///     its key         HKDF-SHA256, 32 bytes, of the key keyID, salt[32] and this information:
///                     "coppice pool 1"   kind u8   pool[16]   name u64
///     its nonce       i u64   0 u32
///     authenticated   header[96]   i u64   isLast u8
///
/// All boxes but the last are full; no content at all is one empty box. So a missing tail shows.
public struct PoolBoxes: Hashable, Sendable {
  /// Content in a full box.
  public static let boxByteCount = 1 << 16
  public static let tagByteCount = 16
  /// A full box with its tag.
  static let storedBoxByteCount = boxByteCount + tagByteCount

  public let contentByteCount: Int

  public init(contentByteCount: Int) { self.contentByteCount = contentByteCount }

  /// At least 1.
  public var count: Int {
    max(1, (contentByteCount + Self.boxByteCount - 1) / Self.boxByteCount)
  }

  /// Of header and boxes.
  public var objectByteCount: Int {
    PoolObjectHeader.byteCount + contentByteCount + count * Self.tagByteCount
  }

  /// The content of some boxes.
  public func contentRange(of boxes: Range<Int>) -> Range<Int> {
    let start = min(boxes.lowerBound * Self.boxByteCount, contentByteCount)
    return start..<min(boxes.upperBound * Self.boxByteCount, contentByteCount)
  }

  /// Where some boxes lie in the object, which is what a ranged read asks for.
  public func storedRange(of boxes: Range<Int>) -> Range<Int> {
    place(of: boxes.lowerBound)..<place(of: boxes.upperBound)
  }

  /// The boxes that have some content, which lies inside of the object's.
  public func boxes(covering content: Range<Int>) -> Range<Int> {
    precondition(content.lowerBound >= 0 && content.upperBound <= contentByteCount)
    guard !content.isEmpty else { return 0..<0 }
    return content.lowerBound / Self.boxByteCount..<(content.upperBound - 1) / Self.boxByteCount + 1
  }

  private func place(of box: Int) -> Int {
    min(PoolObjectHeader.byteCount + box * Self.storedBoxByteCount, objectByteCount)
  }

  /// The 12 bytes of a box's nonce.
  public static func nonce(ofBox index: Int) -> [UInt8] {
    var writer = ByteWriter(byteCapacity: 12)
    writer.append(UInt64(index))
    writer.append(UInt32(0))
    return writer.bytes
  }
}

extension PoolObjectHeader {
  public var boxes: PoolBoxes { PoolBoxes(contentByteCount: contentByteCount) }

  /// The information from which the key of the object's boxes is derived.
  public var keyInfo: [UInt8] {
    var writer = ByteWriter(byteCapacity: 40)
    writer.append(raw: Array("coppice pool 1".utf8))
    writer.append(kind.rawValue)
    writer.append(pool)
    writer.append(name)
    return writer.bytes
  }

  /// What a box authenticates beside its content.
  public func authenticatedData(ofBox index: Int) -> [UInt8] {
    var writer = ByteWriter(byteCapacity: Self.byteCount + 9)
    writer.append(raw: encode())
    writer.append(UInt64(index))
    writer.append(UInt8(index == boxes.count - 1 ? 1 : 0))
    return writer.bytes
  }
}

extension ByteWriter {
  mutating func append(_ uuid: StoreUUID) {
    append(uuid.low)
    append(uuid.high)
  }
}
