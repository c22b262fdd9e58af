internal import CoppiceLifecycle
internal import Testing

/// Lengths of time and numbers of bytes, as they are written.
@Suite struct TextTests {
  @Test(arguments: [
    ("90s", 90, "90s"), ("15m", 900, "15m"), ("2h", 7200, "2h"), ("3d", 259_200, "3d"),
    ("2w", 1_209_600, "2w"), ("7d", 604_800, "1w"), ("3600", 3600, "1h"), ("0s", 0, "0s"),
    ("4294967295s", 4_294_967_295, "4294967295s"),
  ])
  func `a time span is read, and written in its greatest whole unit`(
    _ text: String, seconds: UInt64, written: String
  ) {
    #expect(TimeSpan(text)?.seconds == seconds)
    #expect(TimeSpan(text)?.description == written)
    #expect(TimeSpan(written)?.seconds == seconds)
  }

  @Test(arguments: [
    "", "s", "-1s", "+1s", "1.5h", "1 h", "1y", "1H", "٣s", "2h30m", "4294967296", "99999999w",
    "18446744073709551616s",
  ])
  func `what is no time span is refused`(_ text: String) { #expect(TimeSpan(text) == nil) }

  @Test func `a moment beyond the year 2262 is none`() {
    #expect(TimeSpan.hours(1).after(0) == 3_600_000_000_000)
    #expect(TimeSpan(seconds: 1).after(.max - 1_000_000_000) == nil)
    #expect(TimeSpan(seconds: 1).after(.max - 1_000_000_001) == Int64.max - 1)
  }

  @Test(arguments: [
    ("512", 512, "512"), ("10G", 10 << 30, "10GiB"), ("1.5GiB", 3 << 29, "1536MiB"),
    ("1.50 GiB", 3 << 29, "1536MiB"), ("64k", 1 << 16, "64KiB"), ("7B", 7, "7"), ("0", 0, "0"),
    ("15E", 15 << 60, "15EiB"),
  ])
  func `a number of bytes is read, and written in its greatest whole unit`(
    _ text: String, value: UInt64, written: String
  ) {
    #expect(ByteCount(text)?.value == value)
    #expect(ByteCount(text)?.description == written)
    #expect(ByteCount(written)?.value == value)
  }

  @Test(arguments: ["", "G", "-1", "1.2.3", "1.", ".5G", "10X", "10iB", "16E", "1e3"])
  func `what is no number of bytes is refused`(_ text: String) { #expect(ByteCount(text) == nil) }
}
