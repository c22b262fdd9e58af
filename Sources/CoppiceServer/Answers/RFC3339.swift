package import Coppice

/// Times as text: `2026-11-23T03:10:00Z`, with 3, 6 or 9 decimals where the time has a fraction.
package enum RFC3339 {
  package static func text(_ time: Timestamp) -> String { text(nanoseconds: time.nanoseconds) }

  /// From nanoseconds since 1970-01-01 UTC, in the proleptic Gregorian calendar.
  package static func text(nanoseconds: Int64) -> String {
    let time = Timestamp(nanoseconds: nanoseconds)
    let (seconds, fraction) = (time.seconds, time.subsecondNanoseconds)
    let secondOfDay = ((seconds % 86400) + 86400) % 86400
    let date = civil(dayNumber: (seconds - secondOfDay) / 86400)

    let day = "\(padded(date.year, 4))-\(padded(date.month, 2))-\(padded(date.day, 2))"
    let hours = padded(secondOfDay / 3600, 2)
    let minutes = padded(secondOfDay / 60 % 60, 2)
    var text = "\(day)T\(hours):\(minutes):\(padded(secondOfDay % 60, 2))"
    if fraction != 0 {
      var decimals = padded(fraction, 9)
      while decimals.hasSuffix("000") { decimals.removeLast(3) }
      text += ".\(decimals)"
    }
    return text + "Z"
  }

  /// Howard Hinnant's `civil_from_days`: years that begin in March make the leap day the last.
  private static func civil(dayNumber: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = dayNumber + 719_468
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

  private static func padded(_ value: Int64, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
