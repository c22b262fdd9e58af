import Coppice
import Testing

@Suite struct TimestampTests {
  @Test(
    arguments: [
      (0, "1970-01-01T00:00:00Z"), (-1, "1969-12-31T23:59:59.999999999Z"),
      (951_782_400_000_000_000, "2000-02-29T00:00:00Z"),
      (1_614_834_367_123_456_789, "2021-03-04T05:06:07.123456789Z"),
      (1_614_834_367_120_000_000, "2021-03-04T05:06:07.120Z"),
      (1_614_834_367_000_001_000, "2021-03-04T05:06:07.000001Z"),
      (.min, "1677-09-21T00:12:43.145224192Z"), (.max, "2262-04-11T23:47:16.854775807Z"),
    ] as [(Int64, String)])
  func `a time and its text are the same`(nanoseconds: Int64, text: String) {
    let time = Timestamp(nanoseconds: nanoseconds)
    #expect(time.description == text)
    #expect(Timestamp(text) == time)
  }

  @Test func `days follow one another through the years`() throws {
    var last = ""
    for day in stride(from: -106_000 as Int64, through: 106_000, by: 1) {
      let time = Timestamp(nanoseconds: day * 86_400_000_000_000)
      let text = time.description
      #expect(text > last && Timestamp(text) == time)
      last = text
    }
  }

  @Test(arguments: [
    "", "Z", "2021-03-04", "2021-03-04T05:06:07", "2021-03-04T05:06:07+00:00",
    "2021-02-29T05:06:07Z", "2021-13-04T05:06:07Z", "2021-00-04T05:06:07Z", "2021-03-00T05:06:07Z",
    "2021-03-04T24:06:07Z", "2021-03-04T05:60:07Z", "2021-03-04T05:06:60Z", "2021-03-04 05:06:07Z",
    "2021-03-04T05:06:07.Z", "2021-03-04T05:06:07.1234567890Z", "2021-03-04T05:06:0xZ",
    "+021-03-04T05:06:07Z", "2021-03-04T05:06:07,5Z",
  ])
  func `other text is no time`(text: String) { #expect(Timestamp(text) == nil) }

  @Test func `times beyond what can be kept become the nearest`() {
    #expect(Timestamp("0001-01-01T00:00:00Z") == Timestamp(nanoseconds: .min))
    #expect(Timestamp("9999-12-31T23:59:59.5Z") == Timestamp(nanoseconds: .max))
    #expect(Timestamp("2021-03-04T05:06:07.5Z") == Timestamp("2021-03-04T05:06:07.500000Z"))
  }
}
