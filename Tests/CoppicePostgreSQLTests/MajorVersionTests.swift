import CoppicePostgreSQL
import Testing

struct MajorVersionTests {
  @Test(arguments: [("15\n", 15), ("18", 18), ("9\n", 9)])
  func `a version file names its version`(text: String, number: Int) {
    #expect(MajorVersion(versionFile: Array(text.utf8)) == MajorVersion(number))
  }

  @Test(arguments: ["", "\n", "9.6\n", "-1", "x", "123456\n"])
  func `what names no version is none`(text: String) {
    #expect(MajorVersion(versionFile: Array(text.utf8)) == nil)
  }
}
