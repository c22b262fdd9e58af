extension CivilTime {
  /// The week by ISO 8601, which begins on Monday, and the year that it is counted in: the one that
  /// its Thursday lies in.
  var week: (year: Int64, number: Int64) {
    // Day 0 was a Thursday.
    let daysFromMonday = dayNumber + 3 - Self.floor(dayNumber + 3, 7) * 7
    let thursday = dayNumber - daysFromMonday + 3
    let year = Self.date(ofDay: thursday).year
    return (year, (thursday - Self.dayNumber(ofNewYear: year)) / 7 + 1)
  }

  /// Days from 1970-01-01 to a year's first of January.
  private static func dayNumber(ofNewYear year: Int64) -> Int64 {
    let before = year - 1
    return before * 365 + floor(before, 4) - floor(before, 100) + floor(before, 400) - 719_162
  }
}
