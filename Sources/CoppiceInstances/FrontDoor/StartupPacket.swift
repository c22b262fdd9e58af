internal import NIOCore

/// What a client of PostgreSQL begins with. Numbers are big-endian:
/// ```
/// byteCount u32, itself included   code u32   what the code says
/// 80877103   a request for TLS      nothing
/// 80877104   a request for GSSAPI   nothing
/// 80877102   a request to cancel    process u32, key 4 to 256 bytes
/// major u16, minor u16              parameters: name 0 value 0 ... 0
/// ```
enum StartupPacket: Hashable {
  case tlsRequest
  case gssRequest
  case cancelRequest
  case startup(StartupMessage)

  /// As PostgreSQL has it.
  static let byteCountMax = 10_000
  private static let headByteCount = 8
  private static let cancelByteCounts = 16...268

  /// What the bytes begin with, and its byte count; `nil` while not all of it has come.
  static func first(
    in bytes: ByteBuffer
  ) throws(StartupRefusal) -> (packet: StartupPacket, byteCount: Int)? {
    guard let number = bytes.getInteger(at: bytes.readerIndex, as: UInt32.self) else { return nil }
    let byteCount = Int(number)
    guard headByteCount...byteCountMax ~= byteCount else {
      throw StartupRefusal(
        .protocolViolation, "invalid length of a startup packet: \(byteCount) bytes",
        hint: "Clients of PostgreSQL come by this port, and no others.")
    }
    guard let code = bytes.getInteger(at: bytes.readerIndex + 4, as: UInt32.self),
      let packet = bytes.getBytes(at: bytes.readerIndex, length: byteCount)
    else { return nil }
    return (try decode(code, packet), byteCount)
  }

  private static func decode(
    _ code: UInt32, _ packet: [UInt8]
  ) throws(StartupRefusal) -> StartupPacket {
    switch code {
    case 80_877_103 where packet.count == headByteCount: return .tlsRequest
    case 80_877_104 where packet.count == headByteCount: return .gssRequest
    case 80_877_102 where cancelByteCounts.contains(packet.count): return .cancelRequest
    case 80_877_102, 80_877_103, 80_877_104:
      throw StartupRefusal(.protocolViolation, "invalid length of a startup packet")
    default: break
    }
    guard code >> 16 == 3 else { throw unsupported(code) }
    return .startup(try StartupMessage(parameters: packet[headByteCount...]))
  }

  /// Of a protocol that nobody speaks here, or a request that may not come at this point.
  static func unsupported(_ code: UInt32) -> StartupRefusal {
    StartupRefusal(
      .unsupported,
      "unsupported frontend protocol \(code >> 16).\(code & 0xFFFF): servers speak 3.0 and later")
  }

  static let tlsCode: UInt32 = 80_877_103
  static let gssCode: UInt32 = 80_877_104
}
