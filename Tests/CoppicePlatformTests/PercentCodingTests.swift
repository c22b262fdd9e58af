import CoppicePlatform
import Testing

@Suite struct PercentCodingTests {
  @Test func `two digits behind a percent sign are a byte`() {
    #expect(PercentCoding.decode("a%20b%fF%00".utf8) == [0x61, 0x20, 0x62, 0xFF, 0])
    #expect(PercentCoding.decode("".utf8) == [])
  }

  @Test(arguments: ["%", "%2", "%zz", "%+f", "%-1", "a% 2", "%2\u{E9}"])
  func `anything else behind one is refused`(text: String) {
    #expect(PercentCoding.decode(text.utf8) == nil)
  }
}
