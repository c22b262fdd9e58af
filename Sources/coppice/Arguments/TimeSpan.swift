internal import ArgumentParser

/// A length of time: digits with a unit, as `90s`, `15m`, `2h`, `3d` or `2w`. Without a unit:
/// seconds.
struct TimeSpan: ExpressibleByArgument, CustomStringConvertible {
  var seconds: UInt64

  init(seconds: UInt64) { self.seconds = seconds }

  init?(argument: String) {
    let units: [Character: UInt64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800]
    let unit = argument.last.flatMap { units[$0] }
    guard let number = UInt64(unit == nil ? argument[...] : argument.dropLast()) else { return nil }
    let (product, overflow) = number.multipliedReportingOverflow(by: unit ?? 1)
    // Nanoseconds of it fit into 64 bits, and are in the future.
    guard !overflow, product < 1 << 32 else { return nil }
    seconds = product
  }

  var duration: Duration { .seconds(seconds) }

  var description: String { "\(seconds)s" }
}
