/// A length of time: digits with a unit, as `90s`, `15m`, `2h`, `3d` or `2w`. Without a unit:
/// seconds. Less than 2^32 seconds, which is 136 years.
package struct TimeSpan: Hashable, Comparable, Sendable {
  package let seconds: UInt64

  private static let units: [(name: Character, seconds: UInt64)] = [
    ("w", 604_800), ("d", 86_400), ("h", 3600), ("m", 60), ("s", 1),
  ]

  /// - Precondition: fewer than 2^32 seconds.
  package init(seconds: UInt64) {
    precondition(seconds < 1 << 32)
    self.seconds = seconds
  }

  /// Of that many of a unit.
  package static func minutes(_ count: UInt64) -> TimeSpan { TimeSpan(seconds: count * 60) }
  package static func hours(_ count: UInt64) -> TimeSpan { TimeSpan(seconds: count * 3600) }
  package static func days(_ count: UInt64) -> TimeSpan { TimeSpan(seconds: count * 86_400) }

  /// Nanoseconds of it always fit.
  package var nanoseconds: Int64 { Int64(seconds) * 1_000_000_000 }

  package var duration: Duration { .seconds(seconds) }

  /// The moment that is this much later than another, in nanoseconds since 1970; `nil` where that
  /// lies beyond the year 2262.
  package func after(_ moment: Int64) -> Int64? {
    let (sum, overflow) = moment.addingReportingOverflow(nanoseconds)
    return overflow || sum == .max ? nil : sum
  }

  package static func < (a: TimeSpan, b: TimeSpan) -> Bool { a.seconds < b.seconds }
}

/// In the greatest unit of which it is a whole number.
extension TimeSpan: LosslessStringConvertible {
  package init?(_ description: String) {
    let unit = Self.units.first { $0.name == description.last }
    let digits = unit == nil ? description[...] : description.dropLast()
    // Digits alone: no sign, which a number would be read with.
    guard digits.allSatisfy({ $0.isASCII && $0.isNumber }), let number = UInt64(digits) else {
      return nil
    }
    let (product, overflow) = number.multipliedReportingOverflow(by: unit?.seconds ?? 1)
    guard !overflow, product < 1 << 32 else { return nil }
    seconds = product
  }

  package var description: String {
    let unit = Self.units.first { seconds > 0 && seconds % $0.seconds == 0 } ?? ("s", 1)
    return "\(seconds / unit.seconds)\(unit.name)"
  }

  /// What texts are time spans, for messages.
  package static let form = "a length of time as 90s, 15m, 2h, 3d or 2w"
}

/// As its text.
extension TimeSpan: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let span = TimeSpan(text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "'\(text)' is not \(Self.form)")
    }
    self = span
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
