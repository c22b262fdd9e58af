import CoppicePools
import Testing

@Suite struct ObjectKeyTests {
  @Test(arguments: ["pool", "members/0af3", "segments/1f/0000001f", "a.b-c_d/..e", "A/B/C"])
  func `words with slashes between them are a key`(text: String) {
    #expect(ObjectKey(text)?.text == text)
  }

  @Test(arguments: [
    "", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/.", "a b", "a%2Fb", "é", "a\u{301}",
    "a\nb", "a?b", "a&b", String(repeating: "x", count: 513),
  ])
  func `anything else is none`(text: String) {
    #expect(ObjectKey(text) == nil)
  }

  @Test func `keys are in the order of their bytes`() {
    let keys = ["a", "a-b", "a/b", "a0", "B"].map { ObjectKey(known: $0) }
    #expect(keys.sorted().map(\.text) == ["B", "a", "a-b", "a/b", "a0"])
  }

  @Test(arguments: [("\"abc\"", "abc"), ("abc", "abc"), ("W/\"abc\"", "abc"), ("\"a-1\"", "a-1")])
  func `a tag is what stands in the quotes, if there are any`(header: String, text: String) {
    #expect(ObjectTag(header: header)?.text == text)
  }

  @Test(arguments: ["", "\"\"", "\"a", "a\"b", "a b", "a\r\nb", String(repeating: "a", count: 257)])
  func `what a condition could not name is no tag`(header: String) {
    #expect(ObjectTag(header: header) == nil)
  }

  @Test func `a tag is written in the style of its store`() throws {
    let tag = try #require(ObjectTag(header: "\"abc\""))
    #expect(TagStyle.quoted.condition(tag) == "\"abc\"")
    #expect(TagStyle.plain.condition(tag) == "abc")
  }
}
