import CoppiceS3
import TestSupport
import Testing

@Suite struct XMLElementTests {
  private func parse(_ text: String) -> XMLElement? { XMLElement(Array(text.utf8)) }

  @Test func `elements are found by their names`() throws {
    let list = try #require(
      parse(
        """
        <?xml version="1.0" encoding="UTF-8"?>
        <!-- a > comment -->
        <s3:List xmlns:s3="http://example.org/">
          <Contents><Key>a/b</Key><Size>1</Size></Contents>
          <Contents><Key>c&amp;&lt;&gt;&quot;&apos;&#233;&#x20AC;</Key><Empty/></Contents>
        </s3:List>
        """))
    #expect(list.name == "List")
    let contents = list.children(named: "Contents")
    #expect(contents.map { $0.text(of: "Key") } == ["a/b", "c&<>\"'é€"])
    #expect(contents[0].text(of: "Size") == "1")
    #expect(contents[1].text(of: "Empty") == "")
    #expect(contents[1].text(of: "Size") == nil)
  }

  @Test(arguments: [
    "", "text", "<a>", "<a></b>", "<a><b></a></b>", "<a></a><b></b>", "<a>&unknown;</a>",
    "<a>&#xFFFFFFFF;</a>", "<a>&amp</a>", "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", "< a></a>",
    "<a", "<a></a>text", "</a>", "<a>&#55296;</a>",
  ])
  func `what is not all of a document is none`(text: String) {
    #expect(parse(text) == nil)
  }

  @Test func `bytes that are no text are none`() {
    #expect(XMLElement(Array("<a>".utf8) + [0xFF] + Array("</a>".utf8)) == nil)
  }

  @Test func `a document that is too deep is none`() {
    let deep = String(repeating: "<a>", count: 5000) + String(repeating: "</a>", count: 5000)
    #expect(parse(deep) == nil)
  }

  @Test(arguments: 0..<20 as Range<UInt64>)
  func `no bytes make reading fail otherwise`(seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    let pieces = [
      "<", ">", "/", "a", "&", ";", "&amp;", "<a>", "</a>", "<!--", "-->", "?", "#", " ",
    ]
    for _ in 0..<200 {
      let text = (0..<generator.below(30)).map { _ in pieces[generator.below(pieces.count)] }
      if let element = parse(text.joined()) { #expect(!element.name.isEmpty) }
    }
  }
}
