/// A moment in the proleptic Gregorian calendar, in UTC, to the second.
struct CivilTime: Hashable, Sendable, CustomStringConvertible {
  var year: Int64
  /// 1 to 12.
  var month: Int64
  /// 1 to 31.
  var day: Int64
  var secondOfDay: Int64
  /// Days since 1970-01-01.
  let dayNumber: Int64

  /// Of nanoseconds since 1970-01-01 UTC.
  init(nanoseconds: Int64) {
    let seconds = Self.floor(nanoseconds, 1_000_000_000)
    dayNumber = Self.floor(seconds, 86_400)
    secondOfDay = seconds - dayNumber * 86_400
    (year, month, day) = Self.date(ofDay: dayNumber)
  }

  var hour: Int64 { secondOfDay / 3600 }

  /// As RFC 3339 writes it.
  var description: String {
    let date = "\(Self.padded(year, 4))-\(Self.padded(month, 2))-\(Self.padded(day, 2))"
    let time = [hour, secondOfDay / 60 % 60, secondOfDay % 60].map { Self.padded($0, 2) }
    return "\(date)T\(time.joined(separator: ":"))Z"
  }

  private static func padded(_ value: Int64, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  /// The quotient rounded down.
  static func floor(_ value: Int64, _ divisor: Int64) -> Int64 {
    let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
  }

  /// Howard Hinnant's `civil_from_days`: years that begin in March make the leap day the last.
  static func date(ofDay number: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = number + 719_468
    let era = floor(shifted, 146_097)
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
}
