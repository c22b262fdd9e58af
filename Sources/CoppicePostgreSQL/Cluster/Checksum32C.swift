/// The checksum over PostgreSQL's control file and log: CRC-32C, the Castagnoli polynomial, with
/// its bits and the result's reflected.
enum Checksum32C {
  private static let polynomial: UInt32 = 0x82F6_3B78

  /// What each byte does to the lower byte of the remainder.
  private static let table: [UInt32] = (0..<256).map { (byte: UInt32) in
    (0..<8).reduce(byte) { remainder, _ in
      remainder & 1 == 0 ? remainder >> 1 : remainder >> 1 ^ polynomial
    }
  }

  static func checksum(of bytes: some Sequence<UInt8>) -> UInt32 {
    let remainder = bytes.reduce(UInt32.max) { remainder, byte in
      remainder >> 8 ^ table[Int(UInt8(truncatingIfNeeded: remainder) ^ byte)]
    }
    return ~remainder
  }
}
