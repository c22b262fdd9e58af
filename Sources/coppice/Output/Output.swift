internal import Coppice
internal import CoppiceEngine
internal import CoppicePlatform
internal import CoppiceServer

/// What a command answers: JSON with stable keys, or text for people.
protocol Reply: Encodable {
  /// Whole lines, or nothing.
  var text: String { get }
}

/// Printing, and the forms in which values are shown.
enum Output {
  static func print(_ reply: some Reply, isJSON: Bool) throws(StoreError) {
    let text = isJSON ? encode(reply) + "\n" : reply.text
    guard write(text, to: .standardOutput) else {
      throw StoreError(
        .unavailable, "cannot write to standard output", object: "standard output")
    }
  }

  /// As `print`, of bytes as they are.
  static func write(bytes: [UInt8]) throws(StoreError) {
    do throws(SystemError) {
      try bytes.withUnsafeBufferPointer { bytes throws(SystemError) in
        try StandardStream.standardOutput.write(UnsafeRawBufferPointer(bytes))
      }
    } catch {
      if error.isBrokenPipe { HostProcess.endOfBrokenPipe() }
      throw StoreError(
        .unavailable, "cannot write to standard output", object: "standard output")
    }
  }

  /// Whether all of it was taken.
  @discardableResult
  static func write(_ text: String, to stream: StandardStream) -> Bool {
    var text = text
    return text.withUTF8 { bytes in
      do throws(SystemError) {
        try stream.write(UnsafeRawBufferPointer(bytes))
        return true
      } catch {
        if error.isBrokenPipe, stream == .standardOutput { HostProcess.endOfBrokenPipe() }
        return false
      }
    }
  }

  /// Something to be known beside what is printed, on standard error.
  static func note(_ text: String) {
    write("note: \(printable(text))\n", to: .standardError)
  }

  static func encode(_ value: some Encodable) -> String {
    String(decoding: JSON.encode(value, isPretty: true), as: UTF8.self)
  }

  /// The text with control characters written as `ByteText` writes bytes: names may hold anything,
  /// and a terminal obeys what it is sent. Commands take names written so.
  static func printable(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isControl) else { return text }
    return text.unicodeScalars.reduce(into: "") { result, scalar in
      if isControl(scalar) {
        result += ByteText.escape(String(scalar).utf8)
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
  }

  /// A time as people read it: without fractions of the second.
  static func time(_ time: Timestamp) -> String {
    "\(Timestamp(seconds: time.seconds, nanoseconds: 0))"
  }

  private static let timeUnits: [(seconds: UInt64, name: String)] = [
    (604_800, "w"), (86_400, "d"), (3600, "h"), (60, "m"), (1, "s"),
  ]

  /// A length of time, in the greatest unit that it has one of, rounded down.
  static func age(_ seconds: UInt64) -> String {
    let unit = timeUnits.first { seconds >= $0.seconds }
    return unit.map { "\(seconds / $0.seconds)\($0.name)" } ?? "0s"
  }

  /// A number of bytes with three digits and a binary unit.
  static func bytes(_ count: UInt64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    var value = Double(count)
    var unit = 0
    while value >= 999.5, unit + 1 < units.count {
      value /= 1024
      unit += 1
    }
    if unit == 0 { return "\(count) B" }
    let decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0
    var digits = String(Int((value * [1, 10, 100][decimals]).rounded()))
    digits = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
    if decimals > 0 { digits.insert(".", at: digits.index(digits.endIndex, offsetBy: -decimals)) }
    return "\(digits) \(units[unit])"
  }

  /// How much of a limit is used: `82 % of 10.0 GiB`.
  static func share(of count: UInt64, in limit: UInt64) -> String {
    "\(Int(Double(count) / Double(max(limit, 1)) * 100)) % of \(bytes(limit))"
  }

  /// A count with its noun: `1 file`, `2 files`.
  static func count(_ count: Int, _ noun: String) -> String { quantity(count, noun) }
}
