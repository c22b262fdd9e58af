internal import CoppiceFormat

/// A decoder as tests and fuzzers drive it: any bytes in; a value, an error, and never anything
/// else out.
public struct FormatDecoder: Sendable, CustomStringConvertible {
  public let name: String
  /// Inputs that decode.
  public let samples: [[UInt8]]
  /// Makes the checksum of changed bytes fit, so that mutations reach what lies behind it.
  public let reseal: @Sendable (inout [UInt8]) -> Void
  /// Decodes all of the input. What decodes is encoded and decoded again and must be equal.
  public let decode: @Sendable (UnsafeRawBufferPointer) throws -> Void

  public var description: String { name }

  public init(
    name: String, samples: [[UInt8]],
    reseal: @escaping @Sendable (inout [UInt8]) -> Void = { _ in },
    decode: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void
  ) {
    self.name = name
    self.samples = samples
    self.reseal = reseal
    self.decode = decode
  }

  /// Decodes `bytes` as they are, and once more with a checksum that fits.
  ///
  /// Returns how many of the two decoded.
  @discardableResult
  public func run(_ bytes: [UInt8]) -> Int {
    var sealed = bytes
    reseal(&sealed)
    return [bytes, sealed].count { input in
      do {
        try input.withUnsafeBytes(decode)
        return true
      } catch {
        precondition(!"\(error)".isEmpty)
        return false
      }
    }
  }
}

extension FormatDecoder {
  /// Every decoder of CoppiceFormat.
  public static let all: [FormatDecoder] =
    [
      superblock, segmentHeader, bundleHeader, bundleDirectory, note, page, fullNode, overrideNode,
      journalFileHeader, journalBatch, controlRecord, catalogue, domainSetting, ref,
      namesTreeHeader, namesPage, inode, directoryEntry, namesOverflow, namesKey, collectionHints,
      scrubHints, growthHints, spaceHints,
    ] + pool

  /// Reseals a block by the rule of all blocks.
  static func resealing(at offset: Int, byteCount: Int? = nil) -> @Sendable (inout [UInt8]) -> Void
  {
    { bytes in
      let count = byteCount ?? bytes.count
      guard bytes.count >= max(count, offset + 8) else { return }
      bytes.withUnsafeMutableBytes {
        seal(UnsafeMutableRawBufferPointer(rebasing: $0[..<count]), at: offset)
      }
    }
  }

  static func seal(_ block: UnsafeMutableRawBufferPointer, at offset: Int, seed: UInt64 = 0) {
    let bytes = UnsafeRawBufferPointer(block)
    let before = checksum64(UnsafeRawBufferPointer(rebasing: bytes[..<offset]), seed: seed)
    let all = checksum64(UnsafeRawBufferPointer(rebasing: bytes[(offset + 8)...]), seed: before)
    block.storeBytes(of: all.littleEndian, toByteOffset: offset, as: UInt64.self)
  }
}
