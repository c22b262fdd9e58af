import TestSupport
import Testing

/// What long work shows, and where.
@Suite struct TerminalTests {
  /// Slow enough that the line is drawn.
  private static let scrub = ["scrub", "--rate", "6M"]

  @Test func `long work shows on a terminal how far it is, and nothing elsewhere`() throws {
    let coppice = try CoppiceCommand()
    try coppice.script("mkdir tree; head -c 3000000 /dev/urandom > tree/noise")
    try coppice.check("import", "tree", "main")
    let elsewhere = try coppice.program.check(Self.scrub)
    #expect(elsewhere.errors == "" && !elsewhere.text.contains("\r"))
    // script(1) runs its command on a terminal and prints what that shows.
    let words = ([coppice.program.path] + Self.scrub + ["--store", coppice.folder("store")])
      .joined(separator: " ")
    let shown = try coppice.script("script -qec '\(words)' /dev/null").text
    #expect(shown.contains("\rscrub  ") && shown.contains(" MiB of 2.8"), "\(shown)")
    #expect(shown.contains("No damage found"))
    // The line is taken away in the end.
    #expect(shown.contains(" \rNo damage found"))
  }

  @Test func `an import that nothing has come to yet says what it waits for`() throws {
    let coppice = try CoppiceCommand()
    let words = "(sleep 1; printf x) | \(coppice.program.path) import - main:x"
    let shown = try coppice.script(
      "COPPICE_STORE=store script -qec '\(words)' /dev/null"
    ).text
    #expect(
      shown.contains("\rimport  waiting for the first byte of standard input  0:0"), "\(shown)")
    #expect(shown.contains("Imported 1 file, 1 B"))
  }
}
