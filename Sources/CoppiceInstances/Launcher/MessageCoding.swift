internal import CoppicePlatform

/// Limits of the messages between server and launcher.
enum MessageLimit {
  /// Of a whole message: what a local socket takes in one piece on every machine.
  static let byteCountMax = 1 << 16
  static let textByteCountMax = 1 << 13
  static let listCountMax = 512
}

/// Bytes that are no message, and why.
package enum MessageFailure: Error, Hashable {
  case isShort
  case hasRest
  case isTooLong
  case isUnknown(String)
  case isNoText

  package var description: String {
    switch self {
    case .isShort: "it ends before its end"
    case .hasRest: "it goes on behind its end"
    case .isTooLong: "it has more than a message may have"
    case .isUnknown(let what): "\(what) is not known"
    case .isNoText: "a text has bytes that no text has"
    }
  }
}

/// Writes the fields of a message: numbers little-endian, texts and lists behind their counts.
struct MessageWriter {
  private(set) var bytes: [UInt8] = []

  mutating func write(_ number: some FixedWidthInteger) {
    withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
  }

  mutating func write(_ text: String) {
    write(UInt32(text.utf8.count))
    bytes += text.utf8
  }

  mutating func write(_ texts: [String]) {
    write(UInt32(texts.count))
    for text in texts { write(text) }
  }

  mutating func write(_ number: Int64?) {
    write(UInt8(number == nil ? 0 : 1))
    write(number ?? 0)
  }
}

/// Reads what a writer wrote. Never takes more memory than a constant times the message.
struct MessageReader {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  mutating func number<Number: FixedWidthInteger>(
    _ type: Number.Type = Number.self
  ) throws(MessageFailure) -> Number {
    let bytes = try take(MemoryLayout<Number>.size)
    return bytes.reversed().reduce(into: Number.zero) { number, byte in
      number = number << 8 | Number(truncatingIfNeeded: byte)
    }
  }

  /// A text that stands for bytes without a zero among them, as `ByteText` has them.
  mutating func text() throws(MessageFailure) -> String {
    let count = try number(UInt32.self)
    guard count <= MessageLimit.textByteCountMax else { throw .isTooLong }
    guard let text = String(validating: try take(Int(count)), as: UTF8.self),
      !ByteText.bytes(text).contains(0)
    else { throw .isNoText }
    return text
  }

  mutating func texts() throws(MessageFailure) -> [String] {
    let count = try number(UInt32.self)
    guard count <= MessageLimit.listCountMax else { throw .isTooLong }
    var texts: [String] = []
    for _ in 0..<count { texts.append(try text()) }
    return texts
  }

  mutating func optionalNumber() throws(MessageFailure) -> Int64? {
    let isThere = try number(UInt8.self)
    let value = try number(Int64.self)
    switch isThere {
    case 0 where value == 0: return nil
    case 1: return value
    default: throw .isUnknown("a number that is neither there nor missing")
    }
  }

  func finish() throws(MessageFailure) { if !rest.isEmpty { throw .hasRest } }

  private mutating func take(_ count: Int) throws(MessageFailure) -> ArraySlice<UInt8> {
    guard rest.count >= count else { throw .isShort }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count)
  }
}
