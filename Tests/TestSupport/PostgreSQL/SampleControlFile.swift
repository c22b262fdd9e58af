/// A control file of PostgreSQL put together by hand, byte for byte as the format's table has it.
public struct SampleControlFile: Sendable {
  public var bytes: [UInt8]
  private let checksumOffset: Int

  /// One of a server of that `pg_control` version that was shut down in order.
  public init(version: UInt32, catalogVersion: UInt32 = 202_209_061) {
    bytes = [UInt8](repeating: 0, count: 8192)
    checksumOffset = version == 1800 ? 292 : 288
    set(0, UInt64(0x6A0B_1C2D_3E4F_5061))
    set(8, version)
    set(12, catalogVersion)
    set(16, UInt32(1))
    set(24, UInt64(1_790_000_000))
    set(32, UInt64(0x1_0000_0028))
    set(40, UInt64(0x1_0000_0020))
    set(48, UInt32(3))
    set(52, UInt32(3))
    set(172, UInt32(1))
    set(180, UInt32(100))
    set(184, UInt32(8))
    set(188, UInt32(10))
    set(192, UInt32(5))
    set(196, UInt32(64))
    set(204, UInt32(8))
    set(208, (1_234_567.0).bitPattern)
    set(216, UInt32(8192))
    set(220, UInt32(131_072))
    set(224, UInt32(8192))
    set(228, UInt32(16 << 20))
    set(232, UInt32(64))
    set(236, UInt32(32))
    set(240, UInt32(1996))
    set(244, UInt32(2048))
    set(248, UInt8(1))
    set(252, UInt32(1))
    if version == 1800 { set(256, UInt8(1)) }
    for index in 0..<32 { bytes[checksumOffset - 32 - (version == 1800 ? 3 : 0) + index] = 0xA5 }
    seal()
  }

  /// Writes a number, little-endian. The checksum then fits no longer.
  public mutating func set(_ offset: Int, _ number: some FixedWidthInteger) {
    withUnsafeBytes(of: number.littleEndian) { source in
      for (index, byte) in source.enumerated() { bytes[offset + index] = byte }
    }
  }

  /// Makes the checksum fit.
  public mutating func seal() {
    set(checksumOffset, Self.checksum(bytes[..<checksumOffset]))
  }

  /// CRC-32C, bit by bit.
  static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    var remainder = UInt32.max
    for byte in bytes {
      remainder ^= UInt32(byte)
      for _ in 0..<8 {
        remainder = remainder & 1 == 1 ? remainder >> 1 ^ 0x82F6_3B78 : remainder >> 1
      }
    }
    return ~remainder
  }
}
