/// Times as text by RFC 3339, in the proleptic Gregorian calendar and always in UTC:
/// `2026-11-23T03:10:00Z`, with 3, 6 or 9 decimals where the time has a fraction of a second.
extension Timestamp: LosslessStringConvertible {
  public var description: String {
    let secondOfDay = ((seconds % 86400) + 86400) % 86400
    let date = Self.date(ofDay: (seconds - secondOfDay) / 86400)
    let days = [Self.padded(date.year, 4), Self.padded(date.month, 2), Self.padded(date.day, 2)]
    let clock = [secondOfDay / 3600, secondOfDay / 60 % 60, secondOfDay % 60].map {
      Self.padded($0, 2)
    }
    var text = days.joined(separator: "-") + "T" + clock.joined(separator: ":")
    if subsecondNanoseconds != 0 {
      var decimals = Self.padded(subsecondNanoseconds, 9)
      while decimals.hasSuffix("000") { decimals.removeLast(3) }
      text += ".\(decimals)"
    }
    return text + "Z"
  }

  /// A time as `description` writes it, with any number of decimals up to 9; `nil` for any other
  /// text. One beyond 1677...2262 becomes the nearest in these years.
  public init?(_ description: String) {
    var text = Array(description.utf8)
    guard text.popLast() == UInt8(ascii: "Z"), text.count >= 19,
      zip(text, "....-..-..T..:..:..".utf8).allSatisfy({ $1 == UInt8(ascii: ".") || $0 == $1 })
    else { return nil }
    var fields: [Int64] = []
    for range in [0..<4, 5..<7, 8..<10, 11..<13, 14..<16, 17..<19] {
      guard let field = Self.number(text[range]) else { return nil }
      fields.append(field)
    }
    var nanoseconds: Int64 = 0
    if text.count > 19 {
      guard text[19] == UInt8(ascii: "."), (21...29).contains(text.count),
        let fraction = Self.number(text[20...])
      else { return nil }
      nanoseconds = (text.count..<29).reduce(fraction) { value, _ in value * 10 }
    }
    let day = Self.day(fields[0], fields[1], fields[2])
    guard Self.date(ofDay: day) == (fields[0], fields[1], fields[2]),
      fields[3] < 24, fields[4] < 60, fields[5] < 60
    else { return nil }
    let seconds = day * 86400 + fields[3] * 3600 + fields[4] * 60 + fields[5]
    self.init(seconds: seconds, nanoseconds: nanoseconds)
  }

  /// Of the days since 1970-01-01. Howard Hinnant's `civil_from_days`: years that begin in March
  /// make the leap day the last.
  private static func date(ofDay number: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = number + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (
      yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month,
      dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    )
  }

  /// The inverse, his `days_from_civil`. A date that does not exist gives the day of another one.
  private static func day(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let shiftedYear = month <= 2 ? year - 1 : year
    let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
    let yearOfEra = shiftedYear - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }

  private static func padded(_ value: Int64, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  /// `nil` unless all are digits.
  private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
    let zero = UInt8(ascii: "0")
    guard digits.allSatisfy({ (zero...UInt8(ascii: "9")).contains($0) }) else { return nil }
    return digits.reduce(0) { $0 * 10 + Int64($1 - zero) }
  }
}

/// As its text.
extension Timestamp: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let time = Timestamp(text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "'\(text)' is no time as RFC 3339 writes it, in UTC")
    }
    self = time
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
