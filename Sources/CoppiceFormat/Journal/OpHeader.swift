/// What an op does to its volume.
public enum OpCode: UInt8, Sendable, CaseIterable {
  /// The payload becomes the bytes at `offset`.
  case write = 1
  /// A range becomes zero; payload: its byte count u64.
  case hole = 2
  /// `offset` becomes the volume's byte count; no payload.
  case resize = 3
  /// The volume goes; no payload.
  case drop = 4
  /// The pages from `offset` on become those that the payload's refs name, 32 bytes each.
  case share = 5
  /// The volume becomes the one below a top node; payload: its ref 32, byte count u64.
  case adopt = 6
}

/// The head of one op of a write record.
///
///     0  code u8   reserved[3]
///     4  byteCount u32     of the payload that follows, which is padded to 8 bytes
///     8  volume u64
///     16 offset u64
@frozen
public struct OpHeader: Hashable, Sendable {
  public static let byteCount = 24
  public static let alignment = 8

  public var code: OpCode
  /// Bytes of the payload, without padding.
  public var payloadByteCount: UInt32
  public var volume: VolumeNumber
  public var offset: UInt64

  public init(code: OpCode, payloadByteCount: UInt32, volume: VolumeNumber, offset: UInt64) {
    self.code = code
    self.payloadByteCount = payloadByteCount
    self.volume = volume
    self.offset = offset
  }

  /// Bytes of the op with its header and padding.
  public var opByteCount: Int {
    Self.byteCount + (Int(payloadByteCount) + Self.alignment - 1) & ~(Self.alignment - 1)
  }

  /// Stores the header's `byteCount` bytes at `target`, of any alignment.
  public static func store(_ header: OpHeader, to target: UnsafeMutableRawPointer) {
    target.store(integer: UInt32(header.code.rawValue), at: 0)
    target.store(integer: header.payloadByteCount, at: 4)
    target.store(integer: header.volume.rawValue, at: 8)
    target.store(integer: header.offset, at: 16)
  }

  /// The header in the `byteCount` bytes at `source`. The payload's byte count fits the code, and
  /// the op ends within a volume's greatest byte count.
  ///
  /// Throws `.outOfRange`, `.malformed`; the caller compares `opByteCount` with the bytes it has.
  public static func load(from source: UnsafeRawPointer) throws(FormatError) -> OpHeader {
    let rawCode: UInt32 = source.integer(at: 0)
    guard rawCode < 256, let code = OpCode(rawValue: UInt8(rawCode)) else {
      throw .outOfRange(what: "op code", value: UInt64(rawCode), limit: 6)
    }
    let payloadByteCount: UInt32 = source.integer(at: 4)
    guard payloadByteCount <= UInt32(RecordHeader.recordByteCountMax) else {
      throw .outOfRange(
        what: "op byte count", value: UInt64(payloadByteCount),
        limit: UInt64(RecordHeader.recordByteCountMax))
    }
    guard code.allows(payloadByteCount: Int(payloadByteCount)) else {
      throw .malformed(what: "op byte count")
    }
    let volume: UInt64 = source.integer(at: 8)
    try VolumeNumber.check(volume)
    let offset: UInt64 = source.integer(at: 16)
    let limit = VolumeNumber.byteCountMax - (code == .write ? UInt64(payloadByteCount) : 0)
    guard offset <= limit else {
      throw .outOfRange(what: "op offset", value: offset, limit: limit)
    }
    return OpHeader(
      code: code, payloadByteCount: payloadByteCount, volume: VolumeNumber(volume),
      offset: offset)
  }
}

extension OpCode {
  fileprivate func allows(payloadByteCount: Int) -> Bool {
    switch self {
    case .write: true
    case .hole: payloadByteCount == 8
    case .resize, .drop: payloadByteCount == 0
    case .share: payloadByteCount > 0 && payloadByteCount.isMultiple(of: Ref.byteCount)
    case .adopt: payloadByteCount == Ref.byteCount + 8
    }
  }
}
