import CoppicePlatform
import Foundation
import Glibc
import TestSupport
import Testing

/// Names that text cannot hold, or that only look alike, in arguments and answers.
@Suite struct NameTests {
  private let coppice: CoppiceCommand

  init() throws {
    coppice = try CoppiceCommand()
    try coppice.check("branch", "create", "main")
  }

  /// A script with `$c` as the command and `$n` as a name.
  private func script(_ name: String, _ text: String) throws -> String {
    try coppice.script(
      """
      export COPPICE_STORE=\(coppice.folder("store"))
      c=\(CoppiceCommand.productFolder)/coppice; n=\(name)
      \(text)
      """
    ).text
  }

  private static let names = [
    #"$'caf\xe9'"#, #"$'\xcc\x81acute'"#, #"$'a\\xe9b'"#, #"$'new\nline'"#, #"$'\xff'"#,
  ]

  @Test(arguments: names, [false, true])
  func `a name of any bytes can be said to every command`(name: String, serves: Bool) throws {
    let server = try serves ? ServingCoppice(coppice) : nil
    defer { _ = try? server?.end(SIGTERM) }
    let text = try script(
      name,
      """
      printf host > "$n"; mkdir "dir$n"; printf inner > "dir$n/$n"
      $c import "$n" main:one > /dev/null; $c cat main:one
      printf put | $c put "main:$n" > /dev/null; $c cat "main:$n"
      $c import "dir$n" "main:sub/$n" > /dev/null; $c cat "main:sub/$n/$n"
      $c export "main:$n" "out$n" > /dev/null; cat "out$n"
      $c export "main:sub/$n" "tree$n" > /dev/null; cat "tree$n/$n"
      $c rm "main:$n" > /dev/null; $c rm -r "main:sub/$n" > /dev/null; $c ls main:sub
      """)
    #expect(text == "hostputinnerputinner")
    #expect(try coppice.json("ls", "main:sub")["entries"] as? [String] == [])
  }

  @Test(arguments: names)
  func `the name in an answer, of either kind, is taken by commands`(name: String) throws {
    _ = try script(name, #"printf content | $c put "main:$n" > /dev/null"#)
    let entries = try #require(try coppice.json("ls", "main")["entries"] as? [[String: Any]])
    let inJSON = try #require(entries.first?["name"] as? String)
    #expect(try coppice.check("cat", "main:\(inJSON)").text == "content")
    let line = try coppice.check("ls", "main").text
    let shown = try #require(line.split(byte: 0x0A).last?.split(byte: 0x20).last)
    #expect(try coppice.check("cat", "main:\(shown)").text == "content")
  }

  @Test func `two spellings of one letter are two files, and two branches`() throws {
    let (one, two) = ("e\u{301}", "\u{E9}")
    try coppice.folder.write("1", "1".utf8)
    try coppice.folder.write("2", "2".utf8)
    try coppice.check("put", "main:\(one)", input: coppice.folder("1"))
    try coppice.check("put", "main:\(two)", input: coppice.folder("2"))
    #expect(try coppice.check("cat", "main:\(one)").text == "1")
    try coppice.check("branch", "create", one, "--from", "main")
    #expect(try coppice("cat", "\(two):\(one)").status == 3)
    try coppice.check("branch", "create", two)
    try coppice.check("snapshot", "create", "\(one)@s")
    #expect(try coppice.json("snapshot", "list", two)["snapshots"] as? [String] == [])
    try coppice.check("branch", "delete", two)
    #expect(try coppice.check("cat", "\(one):\(two)").text == "2")
    #expect(try coppice.check("check").status == 0)
  }

  @Test func `a branch's name is UTF-8, and none is made of what is not`() throws {
    let refused = try coppice.script(
      "\(CoppiceCommand.productFolder)/coppice branch create --store store $'caf\\xe9' 2>&1 "
        + "|| echo $?")
    #expect(
      refused.text.contains("no UTF-8") && refused.text.contains("use caf-\n")
        && refused.text.hasSuffix("64\n"))
    #expect(try coppice.failure("branch", "create", "main@\u{301}x").kind == "invalid")
  }
}
