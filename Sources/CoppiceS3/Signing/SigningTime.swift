internal import CoppicePlatform
internal import Glibc

/// A moment, to the second, in the forms that HTTP and signatures have.
package struct SigningTime: Hashable, Sendable {
  /// Since 1970-01-01 UTC.
  package let seconds: Int64

  package init(seconds: Int64) { self.seconds = seconds }

  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]
  private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]

  /// As in `Sun, 06 Nov 1994 08:49:37 GMT`, the form that RFC 9110 has everybody send.
  package init?(httpDate text: String) {
    let words = text.split(byte: UInt8(ascii: " "))
    guard words.count == 6, words[5] == "GMT",
      let day = Int32(words[1]), let month = Self.months.firstIndex(of: words[2]),
      let year = Int32(words[3])
    else { return nil }
    let parts = words[4].split(byte: UInt8(ascii: ":")).compactMap { Int32($0) }
    guard parts.count == 3, (1...31).contains(day), (1970...9999).contains(year),
      parts[0] < 24, parts[1] < 60, parts[2] <= 60, parts.allSatisfy({ $0 >= 0 })
    else { return nil }
    var fields = tm()
    fields.tm_year = year - 1900
    fields.tm_mon = Int32(month)
    fields.tm_mday = day
    (fields.tm_hour, fields.tm_min, fields.tm_sec) = (parts[0], parts[1], parts[2])
    seconds = Int64(timegm(&fields))
  }

  private var fields: tm {
    var (fields, time) = (tm(), time_t(seconds))
    gmtime_r(&time, &fields)
    return fields
  }

  /// As in `20130524`.
  package var day: String {
    let fields = fields
    return Self.padded(fields.tm_year + 1900, 4) + Self.padded(fields.tm_mon + 1)
      + Self.padded(fields.tm_mday)
  }

  /// As in `20130524T000000Z`.
  package var signing: String {
    let fields = fields
    return day + "T" + Self.padded(fields.tm_hour) + Self.padded(fields.tm_min)
      + Self.padded(fields.tm_sec) + "Z"
  }

  /// As in `Sun, 06 Nov 1994 08:49:37 GMT`.
  package var http: String {
    let fields = fields
    let date = "\(Self.padded(fields.tm_mday)) \(Self.months[Int(fields.tm_mon)])"
    let time = [fields.tm_hour, fields.tm_min, fields.tm_sec].map { Self.padded($0) }
    return "\(Self.weekdays[Int(fields.tm_wday)]), \(date) \(Self.padded(fields.tm_year + 1900, 4))"
      + " \(time.joined(separator: ":")) GMT"
  }

  private static func padded(_ value: Int32, _ width: Int = 2) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
