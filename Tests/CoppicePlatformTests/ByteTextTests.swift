import CoppicePlatform
import TestSupport
import Testing

/// Names of any bytes as text.
@Suite struct ByteTextTests {
  @Test(arguments: [
    ("", []), ("plain", Array("plain".utf8)), ("caf\u{E9}", [0x63, 0x61, 0x66, 0xC3, 0xA9]),
    (#"caf$'\xE9'"#, [0x63, 0x61, 0x66, 0xE9]), (#"$'\xFF\xFE'/a"#, [0xFF, 0xFE, 0x2F, 0x61]),
    (#"$'\xC3'a"#, [0xC3, 0x61]), (#"$'\xED\xA0\x80'"#, [0xED, 0xA0, 0x80]),
    (#"a\x41b"#, Array(#"a\x41b"#.utf8)), ("it$'s", Array("it$'s".utf8)),
    (#"$'\x24\x27'\x41'"#, Array(#"$'\x41'"#.utf8)), ("new\nline", Array("new\nline".utf8)),
  ]) func `each row of bytes has one text, which means it`(text: String, bytes: [UInt8]) {
    #expect(ByteText.text(bytes) == text)
    #expect(ByteText.bytes(text) == bytes)
  }

  @Test func `whatever the bytes, their text means them`() {
    var random = SplitMix64(seed: 7)
    let alphabet = Array(#"$'\xAf0"#.utf8) + [0xC3, 0xA9, 0xE2, 0x82, 0xAC, 0x0A, 0xF0, 0x9F]
    for _ in 0..<20_000 {
      let count = Int(random.next() % 12)
      let bytes = (0..<count).map { _ in alphabet[Int(random.next() % UInt64(alphabet.count))] }
      #expect(ByteText.bytes(ByteText.text(bytes)) == bytes)
    }
  }

  @Test(arguments: [#"$'\x4'"#, #"$'\x41"#, #"$'\xG0'"#, #"$'\x41x'"#, "$''", #"$'\x+1'"#])
  func `what is no whole escape stands for itself`(text: String) {
    #expect(ByteText.bytes(text) == Array(text.utf8))
  }

  @Test func `control characters as output has them are taken back`() {
    #expect(ByteText.bytes("new" + ByteText.escape([0x0A]) + "line") == Array("new\nline".utf8))
  }

  @Test func `names are ordered by their bytes`() {
    #expect("e\u{301}".precedes("f") && !"f".precedes("e\u{301}"))
    #expect("e\u{301}".precedes("\u{E9}") && !"\u{E9}".precedes("e\u{301}"))
    var random = SplitMix64(seed: 3)
    let parts = ["", "a", "b", "\u{E9}", "e\u{301}", "\u{FFFD}", "\u{1F600}", "0123456789abcdef"]
    for _ in 0..<5000 {
      let names = (0..<2).map { _ in
        (0..<random.below(4)).map { _ in parts[random.below(parts.count)] }.joined()
      }
      let isFirst = names[0].nameKey.lexicographicallyPrecedes(names[1].nameKey)
      #expect(names[0].precedes(names[1]) == isFirst, "\(names)")
    }
  }

  @Test func `a separator before a combining mark separates`() {
    #expect(
      "main:\u{301}x:y".split(byte: UInt8(ascii: ":"), maxCount: 2) == ["main", "\u{301}x:y"])
    #expect("/".split(byte: UInt8(ascii: "/"), keepsEmpty: true) == ["", ""])
    #expect(HostPath.split("/a/\u{301}b//") == ("/a", "\u{301}b"))
    #expect(HostPath.split("/a") == ("/", "a") && HostPath.split("a") == (".", "a"))
  }
}
