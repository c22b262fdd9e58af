/// What clients begin with, and what they are told.
enum StartupBytes {
  static func bigEndian(_ value: UInt32) -> [UInt8] {
    withUnsafeBytes(of: value.bigEndian) { Array($0) }
  }

  static func packet(_ code: UInt32, _ rest: [UInt8] = []) -> [UInt8] {
    bigEndian(UInt32(8 + rest.count)) + bigEndian(code) + rest
  }

  static let tlsRequest = packet(80_877_103)
  static let gssRequest = packet(80_877_104)

  static func cancelRequest(process: UInt32 = 1, key: [UInt8] = [1, 2, 3, 4]) -> [UInt8] {
    packet(80_877_102, bigEndian(process) + key)
  }

  static func startup(
    _ parameters: KeyValuePairs<String, String> = ["user": "app", "database": "shop"],
    version: UInt32 = 3 << 16
  ) -> [UInt8] {
    var rest: [UInt8] = []
    for (name, value) in parameters { rest += Array("\(name)\0\(value)\0".utf8) }
    return packet(version, rest + [0])
  }

  /// The fields of an ErrorResponse by their letters; empty for what is none.
  static func refusal(_ bytes: [UInt8]) -> [Character: String] {
    guard bytes.count > 5, bytes[0] == UInt8(ascii: "E"), bytes.last == 0,
      bigEndian(UInt32(bytes.count - 1)) == Array(bytes[1...4])
    else { return [:] }
    var fields: [Character: String] = [:]
    for field in bytes[5...].dropLast().split(separator: 0) {
      fields[Character(Unicode.Scalar(field.first ?? 0))] =
        String(decoding: field.dropFirst(), as: UTF8.self)
    }
    return fields
  }
}
